"""Sending files: ranges, preconditions, pieces."""
