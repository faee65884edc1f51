"""Storyboard: images as frames of a sequence."""
