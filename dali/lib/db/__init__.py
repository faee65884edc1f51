"""Databases: SQLite and PostgreSQL backends, connections, errors."""
