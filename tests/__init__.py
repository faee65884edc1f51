"""The tests: a mirror of the source; flows/ holds end-to-end tests, house/ the rules for all files."""
