"""Outbound calls: the SSRF guard, deadlines, connections, failures."""
