"""Tests of progressions/pipeline/steps."""
