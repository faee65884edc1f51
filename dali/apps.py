"""The project's own Django app: server commands, logging, start-up checks."""

import logging.config

from axes.apps import AppConfig as AxesConfig
from django.apps import AppConfig
from django.conf import settings


class DaliConfig(AppConfig):
    """Configures logging before anything else."""

    name = "dali"
    verbose_name = "Dali"

    def ready(self) -> None:
        """Called once per process, when all apps are loaded."""
        from django.urls import register_converter

        from dali.lib import logs
        from dali.lib.web.converters import IdConverter
        from dali.settings import checks  # noqa: F401 - registers them

        register_converter(IdConverter, "id")
        logs.configure()
        logging.config.dictConfig(settings.LOGGING)


class SignInsConfig(AxesConfig):  # type: ignore[misc]  # axes ships no types
    """django-axes, with the name that the admin shows."""

    verbose_name = "Sign-ins"
