"""Walkthrough reel: a film of the images."""
