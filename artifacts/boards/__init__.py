"""Votes and comments of visitors on published decks and boards."""
