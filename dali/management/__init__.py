"""Commands of the wiring: they may see every app."""
