"""Delivery from the same storage that keeps the originals."""
