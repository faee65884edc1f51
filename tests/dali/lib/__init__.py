"""Tests of dali/lib."""
