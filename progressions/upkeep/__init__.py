"""Work on finished images: rebuilds, re-judging, late judging."""
