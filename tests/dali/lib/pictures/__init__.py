"""Tests of dali/lib/pictures."""
