"""Slideshow: images one after the other."""
