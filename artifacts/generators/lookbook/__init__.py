"""Lookbook: images with their prompts, as a page."""
