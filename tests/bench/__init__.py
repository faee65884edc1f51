"""Measurements of the practical limits: they compare ratios within one run, never absolute times."""
