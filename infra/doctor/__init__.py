"""Checks the configuration before the first alert does: `make doctor`; `make local` and `make deploy` begin with it."""
