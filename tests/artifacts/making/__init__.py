"""Tests of artifacts/making."""
