"""Prompt recipe card: how an image was made."""
