"""A responder of the usual topology on google-adk, written only to measure against it; it runs in `.venv/adk`."""
