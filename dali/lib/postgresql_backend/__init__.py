"""Django's backend for PostgreSQL, with a pool that is not waited for while the database is away."""
