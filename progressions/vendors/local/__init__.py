"""The built-in judge and delivery, without any service."""
