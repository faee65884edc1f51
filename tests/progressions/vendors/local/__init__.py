"""Tests of progressions/vendors/local."""
