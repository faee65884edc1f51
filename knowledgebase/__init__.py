"""Curated tips for each provider, how they refine a prompt, and the price table."""
