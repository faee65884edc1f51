"""Tests of interactive pages: voting decks and review boards."""
