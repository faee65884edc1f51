"""Curated tips for each provider, and how they are worked into a prompt."""
