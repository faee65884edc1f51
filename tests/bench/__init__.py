"""Measurements against the practical limits: ratios within one run, never times to be kept."""
