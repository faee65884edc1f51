"""Local files: folders, locks, spools, CSV."""
