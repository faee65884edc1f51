"""Tests of pages that answer back."""
