"""Tests of progressions/api."""
