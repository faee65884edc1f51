"""Registers the artifacts app."""

from django.apps import AppConfig


class ArtifactsConfig(AppConfig):
    """The artifacts app."""

    name = "artifacts"

    def ready(self) -> None:
        from django.db.models.signals import post_delete, post_save

        from artifacts.boards import nudges
        from artifacts.making.services import nudge_waiting
        from artifacts.models import Artifact
        from progressions.work import step_owners, sweep

        for changed in (post_save, post_delete):
            changed.connect(
                nudges.artifact_changed, sender=Artifact, dispatch_uid="artifacts.boards.artifact_changed"
            )
        sweep.looking.connect(nudge_waiting, dispatch_uid="artifacts.nudge_waiting")
        # The steps of a chat turn are numbered: `understand#1`.
        step_owners.register(
            step_owners.StepOwner("message", "admin:artifacts_chatturn_change", lambda name: "#" in name)
        )
