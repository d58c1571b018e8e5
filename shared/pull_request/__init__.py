"""The room of one pull request: the block by which it is known again, who must approve it, links that prove that."""
