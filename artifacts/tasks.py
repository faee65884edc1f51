"""Celery tasks of artifacts: each message says no more than "look"."""

from uuid import UUID

from celery import shared_task

from artifacts.making import builds, services


@shared_task(name=services.BUILD, ignore_result=True)
def build(artifact_id: str) -> None:
    """Builds an artifact that takes long, unless another process builds it."""
    builds.build_waiting(UUID(artifact_id))
