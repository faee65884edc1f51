"""Reading requests: strict JSON, forms, fields."""
