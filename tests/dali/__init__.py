"""Tests of dali: the project wiring and dali/lib."""
