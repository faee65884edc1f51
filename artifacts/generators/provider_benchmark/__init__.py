"""Provider benchmark: providers compared by cost, time and score."""
