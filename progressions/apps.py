"""Registers the progressions app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ProgressionsConfig(AppConfig):
    """Django's view of the app."""

    name = "progressions"

    def ready(self) -> None:
        """Called once a process, when the apps are loaded."""
        from progressions import checks  # noqa: F401  (registers the system checks)
        from progressions.models.search_indexes import ensure_after_migrate

        post_migrate.connect(ensure_after_migrate, sender=self)
