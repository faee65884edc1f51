"""Registers the progressions app."""

from django.apps import AppConfig


class ProgressionsConfig(AppConfig):
    """Django's view of the app."""

    name = "progressions"
