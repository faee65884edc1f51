"""Registers the projects app."""

from django.apps import AppConfig


class ProjectsConfig(AppConfig):
    """Django's view of the app."""

    name = "projects"
