"""Templates and how they are filled: finding placeholders, escaping values, rendering."""
