"""Delivery from storage that the public can read."""
