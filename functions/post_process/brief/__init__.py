"""The brief: what it says, as sections, and how it is rendered to HTML and text."""
