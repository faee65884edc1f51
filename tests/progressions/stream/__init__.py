"""Tests of progressions/stream."""
