"""Compare deck: images side by side."""
