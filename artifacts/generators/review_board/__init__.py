"""Review board: a page that takes votes and comments."""
