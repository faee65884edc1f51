"""Tests of the artifacts app."""
