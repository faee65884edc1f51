"""Celery tasks of artifacts: shells that say no more than "look"."""

from uuid import UUID

from celery import shared_task

from artifacts.making import builds, services


@shared_task(name=services.BUILD, ignore_result=True)
def build(artifact_id: str) -> None:
    """Makes an artifact that takes long, where nobody else does."""
    builds.build_next(UUID(artifact_id))
