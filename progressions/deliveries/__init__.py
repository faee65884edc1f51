"""Deliveries: one file each, nothing else. The contract is progressions/delivery.py."""
