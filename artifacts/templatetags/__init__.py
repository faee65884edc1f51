"""Template tags of artifacts' pages."""
