"""Tests of dali/lib/web/files."""
