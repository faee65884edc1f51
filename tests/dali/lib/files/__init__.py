"""Tests of dali/lib/files."""
