"""Reading answers of outside services: JSON, images, usage, what a failure means."""
