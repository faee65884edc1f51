"""Commands of the projects app."""
