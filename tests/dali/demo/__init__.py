"""Tests of dali/demo."""
