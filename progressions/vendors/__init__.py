"""Outside services, a folder each; the registries find what is in it."""
