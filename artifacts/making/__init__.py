"""From chosen material to an artifact's files: gathering, building, rebuilding."""
