"""The Workflows language: values, expressions and the checked tree of a source file."""
