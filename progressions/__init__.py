"""From prompt to judged image. README.md shows the flow on one page."""
