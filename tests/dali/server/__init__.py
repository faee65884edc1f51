"""Tests of dali/server."""
