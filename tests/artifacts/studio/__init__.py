"""Tests of artifacts/studio."""
