"""Tests of progressions/pipeline/intake."""
