"""Tests of templates and of filling them."""
