"""Tests of the wiring and of what knows no app."""
