"""Tests of progressions/pipeline."""
