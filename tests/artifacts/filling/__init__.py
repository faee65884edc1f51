"""Tests of templates and how they are filled."""
