"""Tests of dali/lib/web/streams."""
