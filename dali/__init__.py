"""Wiring of the project: settings, addresses, servers. Features live in the apps."""

from dali.celery import app as celery_app

__all__ = ["celery_app"]
