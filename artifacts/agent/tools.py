"""The tools of the Artifact Agent: each has one effect, recorded in the step journal, and decides nothing."""

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TypeVar

import structlog
from django.db import InterfaceError, OperationalError

from artifacts.agent import pictures
from artifacts.agent.pictures import ImagePage, Shown
from artifacts.agent.understanding.intent import ProjectName
from artifacts.making import building, content, services
from artifacts.models import Artifact, ArtifactConfiguration
from dali.lib.db.connections import release_db_connection
from dali.lib.errors import DaliError, UnavailableError
from progressions.stream import events
from progressions.work import leases
from progressions.work.steps import Journal, Result, StepRecord

log = structlog.get_logger(__name__)

T = TypeVar("T")
# Pauses between attempts when an effect failed for a temporary reason.
PAUSES_S = (0.1, 0.5)
PASSING = (UnavailableError, OperationalError, InterfaceError)
# How often a page is rendered again because someone else changed its rows in the meantime.
MOST_RENDERS = 5


class ChangedError(DaliError):
    """The rows changed while the page was rendered."""


class Tools:
    """The four tools for one turn. `names`: all placeholders of the page."""

    def __init__(
        self, artifact: Artifact, journal: Journal, lease: leases.Lease, session_id: str, names: Iterable[str]
    ) -> None:
        self._artifact = artifact
        self._journal = journal
        self._lease = lease
        self._session_id = session_id
        self._names = frozenset(names)
        self._counts: Counter[str] = Counter()

    def get_projects_for_artifact(self) -> tuple[tuple[ProjectName, ...], dict[str, str]]:
        """The projects whose images may be used, in order, and what is filled."""

        def work() -> Result:
            names = [asdict(project) for project in pictures.projects_of(self._artifact)]
            return {"projects": names, "filled": filled_of(self._artifact)}

        kept = self._run("get_projects_for_artifact", work, StepRecord, is_pure=True)
        return tuple(ProjectName(**project) for project in kept["projects"]), dict(kept["filled"])

    def get_images_for_project(
        self,
        project_ids: Sequence[str],
        *,
        words: str = "",
        named: str = "",
        placed: Sequence[str] = (),
        after: str = "",
        most: int = pictures.PAGE,
        is_oldest_first: bool = False,
    ) -> ImagePage:
        """Images of projects, newest first: a page of all, or those matching `words`, or the one `named` by id or URL,
        or those with the URLs `placed`."""

        def work() -> ImagePage:
            if named:
                return pictures.find_named(project_ids, named)
            if placed:
                return pictures.find_placed(project_ids, placed)
            if words:
                return pictures.find_described(project_ids, words, after=after, most=most)
            return pictures.page_of(project_ids, after=after, most=most, is_oldest_first=is_oldest_first)

        kept = self._run(
            "get_images_for_project", work, lambda found: StepRecord(asdict(found)), is_pure=True
        )
        return ImagePage(**{**kept, "images": tuple(Shown(**image) for image in kept["images"])})

    def save_configuration(self, values: Mapping[str, str | None]) -> None:
        """Writes choices, all or none; None deletes one. Sends the session the share that is filled."""
        self._run("save_configuration", lambda: values, self._save_record)

    def render_artifact(self) -> tuple[str, ...]:
        """Renders the template from all rows, stores the page and publishes it; returns what could not be filled.

        Raises ChangedError if rows were deleted in the meantime; then nothing was published.
        """
        release_db_connection()
        for attempt in range(MOST_RENDERS):
            try:
                kept = self._run("render_artifact", lambda: content.fill(self._artifact), self._render_record)
            except ChangedError:
                self._counts["render_artifact"] -= 1
                if attempt == MOST_RENDERS - 1 or self.is_incomplete():
                    raise
            else:
                return tuple(kept["problems"])
        raise AssertionError

    def is_incomplete(self) -> bool:
        """Whether a placeholder has no row now."""
        return not self._names <= filled_of(self._artifact).keys()

    def report_failure(self, error: str) -> None:
        """Tells the session that the page could not be rendered."""
        body: events.Body = {
            "type": "fail",
            "artifactId": str(self._artifact.pk),
            "step": "render_artifact",
            "error": error,
            "retryable": True,
        }
        with leases.fenced(self._lease):
            events.append(self._session_id, [body])

    def _save_record(self, values: Mapping[str, str | None]) -> StepRecord:
        def write() -> None:
            gone = [name for name, value in values.items() if value is None]
            if gone:
                self._artifact.configurations.filter(config_key__in=gone).delete()
            for name, value in values.items():
                if value is not None:
                    ArtifactConfiguration.objects.update_or_create(
                        artifact=self._artifact, config_key=name, defaults={"config_value": value}
                    )

        def tell() -> list[events.Body]:
            share = len(self._names & filled_of(self._artifact).keys()) / max(1, len(self._names))
            return [services.told(self._artifact, "progress", share, step="save_configuration")]

        return StepRecord({"saved": sorted(values)}, also=write, tell=tell)

    def _render_record(self, built: building.Built) -> StepRecord:
        def publish() -> None:
            services.name_content(self._artifact, built)
            if filled_of(self._artifact) != built.manifest["values"]:
                raise ChangedError("rows were changed while the page was rendered")

        result = {"key": built.content_key, "problems": built.manifest["problems"]}
        return StepRecord(result, also=publish, tell=lambda: [services.told(self._artifact, "complete")])

    def _run(
        self, tool: str, work: Callable[[], T], keep: Callable[[T], StepRecord], *, is_pure: bool = False
    ) -> Result:
        """Runs the tool's next step of this turn; retries temporary failures."""
        self._counts[tool] += 1
        name = f"{tool}#{self._counts[tool]}"
        for pause_s in PAUSES_S:
            try:
                return self._journal.run(name, work, keep=keep, is_pure=is_pure)
            except PASSING as error:
                log.warning("tool_failed", tool=tool, error=str(error)[:300])
                release_db_connection()
                time.sleep(pause_s)
        return self._journal.run(name, work, keep=keep, is_pure=is_pure)


def filled_of(artifact: Artifact) -> dict[str, str]:
    """Current value of each placeholder, from the rows."""
    return dict(artifact.configurations.values_list("config_key", "config_value"))
