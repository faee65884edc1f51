"""Loopback servers that speak the protocols of outside services, as strictly as these do, and misbehave on demand."""
