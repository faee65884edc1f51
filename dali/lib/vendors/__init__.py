"""Outside services that Dali calls: how they are reached, what a call used, how a call fails."""
