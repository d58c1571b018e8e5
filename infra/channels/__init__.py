"""Setting up the channels to people: a grant of Gmail, and a test message through all of them."""
