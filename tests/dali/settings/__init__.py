"""Tests of dali/settings."""
