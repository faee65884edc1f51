"""The questions to vision models, and how their verdicts are read."""
