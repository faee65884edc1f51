"""Tests of the way from prompt to judged image."""
