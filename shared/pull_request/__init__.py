"""One pull request: the block that identifies it, whether a person must approve it, the approval codes."""
