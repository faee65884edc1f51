"""Stakeholder PDF: a printable report."""
