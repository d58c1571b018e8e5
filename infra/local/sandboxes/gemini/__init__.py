"""A sandbox of the Gemini API on loopback."""
