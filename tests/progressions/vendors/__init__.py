"""Tests of progressions/vendors."""
