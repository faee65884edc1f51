"""Tests of artifacts/publishing."""
