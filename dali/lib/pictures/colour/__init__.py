"""Colour management, and colours by name."""
