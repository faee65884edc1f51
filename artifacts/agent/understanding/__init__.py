"""What a message to the Artifact Agent asks for: by rules, then by a text model."""
