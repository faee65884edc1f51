"""Registers the artifacts app."""

from django.apps import AppConfig


class ArtifactsConfig(AppConfig):
    """Django's view of the app."""

    name = "artifacts"
