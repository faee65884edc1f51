"""Tests of dali/lib/web."""
