"""Tests of dali/lib/calls."""
