"""Judges: one file each, nothing else. The contract is progressions/judge.py."""
