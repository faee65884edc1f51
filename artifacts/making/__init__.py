"""From chosen material to the files of an artifact: gathering, building, rebuilding."""
