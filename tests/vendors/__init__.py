"""Loopback servers that speak the protocols of outside services, are equally strict, and misbehave on demand."""
