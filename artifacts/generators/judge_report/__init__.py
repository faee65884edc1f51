"""Judge report: the verdicts of a project."""
