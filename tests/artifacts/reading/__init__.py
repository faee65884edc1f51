"""Tests of artifacts/reading: what reads artifacts back."""
