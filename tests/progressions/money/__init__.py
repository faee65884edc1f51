"""Tests of progressions/money."""
