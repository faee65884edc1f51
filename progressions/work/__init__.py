"""Durable work: claims, leases, steps, sweeps, idempotency."""
