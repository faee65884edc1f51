"""Painting pictures from words: deterministic, without a network, quick; knows no app."""
