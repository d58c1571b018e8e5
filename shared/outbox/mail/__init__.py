"""Mail: how one is written, and the accounts that send it."""
