"""Published pages: routes, views and visitors."""
