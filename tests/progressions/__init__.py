"""Tests of everything from the prompt to the judged image."""
