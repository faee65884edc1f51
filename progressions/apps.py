"""Registers the progressions app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class ProgressionsConfig(AppConfig):
    """Django's view of the app."""

    name = "progressions"

    def ready(self) -> None:
        """Registers the system checks, those of the services too, and the search indexes."""
        from dali.lib.registry import plugin_modules
        from progressions import checks  # noqa: F401 - registers them
        from progressions.models.search_indexes import ensure_after_migrate
        from progressions.pipeline import late_judging
        from progressions.upkeep import pruning
        from progressions.work import claims, sweep

        for look in (pruning.end_cancelled, claims.nudge_due, late_judging.nudge_due):
            sweep.looking.connect(look, dispatch_uid=f"{look.__module__}.{look.__name__}")
        sweep.tidying.connect(pruning.tidy, dispatch_uid="progressions.tidy")
        plugin_modules("progressions.vendors", "checks")
        post_migrate.connect(ensure_after_migrate, sender=self)
