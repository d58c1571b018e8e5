"""A sandbox of the gemini API on loopback."""
