"""The files, commits and drafts that the analyst names, beside naive baselines of the same incidents."""
