"""Pages that answer back: votes and comments of visitors on decks and boards."""
