"""Rebuilds artifacts from what their projects contain now."""

from datetime import UTC, datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import QuerySet

from artifacts.generator import generators
from artifacts.making import building, intake, services
from artifacts.models import Artifact
from dali.lib.errors import DaliError
from progressions.management.progress import add_project, bar_over, find_project


class Command(BaseCommand):
    """`manage.py rebuild_artifacts`. Can be stopped and restarted: each artifact is either old or new."""

    help = (
        "Rebuilds the content of artifacts, oldest first, at their existing URLs; unpublished ones "
        "stay unpublished. Use it after changing generators, DALI_PUBLIC_ORIGIN or DALI_DELIVERY."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        add_project(parser)
        parser.add_argument("--generator", help="only artifacts of this generator")
        parser.add_argument("--since", help="only artifacts created on this day or later, e.g. 2026-11-01")

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = _chosen(options)
        total, changed, failures = chosen.count(), 0, []
        with bar_over(total) as move:
            for done, artifact in enumerate(chosen.iterator(chunk_size=50), start=1):
                before = artifact.content_r2_key
                try:
                    _rebuild(artifact)
                except DaliError as error:
                    failures.append(f"{artifact.id} ({artifact.title[:40]}): {error}")
                    services.fail(artifact, error.public_message)
                else:
                    changed += artifact.content_r2_key != before
                move(done)
        kept = total - changed - len(failures)
        self.stdout.write(f"{total} checked: {changed} rebuilt, {kept} unchanged, {len(failures)} failed.")
        for failure in failures:
            self.stderr.write(failure)
        if failures:
            raise CommandError(f"{len(failures)} could not be rebuilt; their previous content is still there")


def _rebuild(artifact: Artifact) -> None:
    """Rebuilds it here, even if a worker usually would."""
    if artifact.template_r2_key:
        intake.rebuild_artifact(artifact=artifact)
    else:
        services.finish(artifact, building.build(artifact))


def _chosen(options: dict[str, Any]) -> QuerySet[Artifact]:
    # A template that is not filled yet has nothing to rebuild.
    artifacts = Artifact.objects.exclude(generator="", content_r2_key="").order_by("id")
    if (name := options["generator"]) is not None:
        if name not in generators.names():
            raise CommandError(f"'{name}' is not known; known: {', '.join(generators.names())}")
        artifacts = artifacts.filter(generator=name)
    if (since := options["since"]) is not None:
        try:
            moment = datetime.strptime(since, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise CommandError(f"'{since}' is not a date; write it like 2026-11-01") from None
        artifacts = artifacts.filter(created_at__gte=moment)
    if (project_id := find_project(options["project"])) is not None:
        artifacts = artifacts.filter(projects=project_id)
    return artifacts
