"""The built-in provider: it paints pictures without any service."""
