"""Tests of progressions/vendors/gemini."""
