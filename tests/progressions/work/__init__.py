"""Tests of progressions/work."""
