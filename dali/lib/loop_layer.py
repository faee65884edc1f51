"""A channel layer for one process: publishing from any thread reaches the server's loop at once."""
