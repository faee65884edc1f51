"""Reads what a message to the Artifact Agent asks for: first by rules, then with a text model."""
