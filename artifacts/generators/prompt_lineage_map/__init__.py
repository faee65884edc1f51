"""Prompt lineage map: which image came from which."""
