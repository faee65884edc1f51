"""Django's backend for PostgreSQL: bounded waits, and a pool that is not waited for while the database is away."""
