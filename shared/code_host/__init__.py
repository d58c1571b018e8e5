"""The code host. `reader.connect()` and `writer.connect()` are apart, so that readers bundle no code that writes."""
