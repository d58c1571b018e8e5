"""What the pages say: one incident's trace as a reader needs it, and the list of incidents."""
