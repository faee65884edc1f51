"""Published pages: their routes, their views, their visitors."""
