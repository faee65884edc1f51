"""Records that generators wrote, read back: calls made again, archives checked, tips taken in."""
