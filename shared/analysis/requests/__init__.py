"""What requests show of the services they pass: who waits for whom, and whose part of them changed."""
