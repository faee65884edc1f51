"""Commands of the artifacts app."""
