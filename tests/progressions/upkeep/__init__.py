"""Tests of progressions/upkeep."""
