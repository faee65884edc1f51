"""Commands of the progressions app."""
