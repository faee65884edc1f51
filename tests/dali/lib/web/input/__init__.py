"""Tests of dali/lib/web/input."""
