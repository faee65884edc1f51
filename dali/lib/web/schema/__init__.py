"""Parts of the OpenAPI document that all apps share."""
