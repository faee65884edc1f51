"""Voting deck: a deck that takes votes."""
