"""Seed replay script: what makes the same images again."""
