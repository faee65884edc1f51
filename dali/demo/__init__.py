"""A job on a terminal: the client and its display."""
