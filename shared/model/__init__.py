"""The model that reasons."""
