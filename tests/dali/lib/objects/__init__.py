"""Tests of dali/lib/objects."""
