"""What vision models are asked, and how their verdicts are read."""
