"""Tests of progressions/vendors/mock."""
