"""Tests of artifacts/api."""
