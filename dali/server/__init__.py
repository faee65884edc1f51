"""The processes that serve: the embedded server, and production's web process."""
