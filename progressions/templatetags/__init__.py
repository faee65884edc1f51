"""Template tags of the progressions app."""
