"""Tests of progressions/models."""
