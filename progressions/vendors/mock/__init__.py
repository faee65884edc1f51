"""The built-in provider, which paints without any service."""
