"""Tests of artifacts/parts."""
