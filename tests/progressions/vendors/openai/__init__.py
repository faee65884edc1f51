"""Tests of progressions/vendors/openai."""
