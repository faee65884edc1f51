"""Templates and how they are filled: placeholders, where they stand, what takes their place."""
