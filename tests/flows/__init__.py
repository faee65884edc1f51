"""End-to-end tests, through real processes."""
