"""House rules: what every file of the project must keep."""
