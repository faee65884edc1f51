"""The REST API of artifacts and templates."""
