"""Django's backend for PostgreSQL: limited waits, and short ones for the pool while the database is away."""
