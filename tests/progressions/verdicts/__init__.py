"""Tests of progressions/verdicts."""
