"""Reads answers of outside services: JSON, images, usage."""
