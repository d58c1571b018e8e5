"""The checks that ask the systems which the variables name."""
