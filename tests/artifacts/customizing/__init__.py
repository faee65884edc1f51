"""The Artifact Agent."""
