"""Tests of dali/lib/db."""
