"""HTTP helpers that all apps share: errors, pagination, addresses, CORS."""
