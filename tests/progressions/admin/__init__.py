"""Tests of progressions/admin."""
