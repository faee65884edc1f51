"""Tests of progressions/vendors/storage."""
