"""Moodboard: images and their palette."""
