"""The built-in judge and delivery, which need no service."""
