"""Tests of the project wiring, and of code that knows no app."""
