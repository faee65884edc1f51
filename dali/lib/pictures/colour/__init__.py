"""Colour management, and named colours."""
