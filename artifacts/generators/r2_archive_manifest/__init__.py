"""Archive manifest: every file of a project with its hash."""
