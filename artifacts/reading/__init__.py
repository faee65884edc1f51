"""Reads records that generators wrote: repeats calls, checks archives, imports tips."""
