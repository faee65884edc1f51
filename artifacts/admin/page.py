"""What an artifact's admin page shows: its images, its files and its views."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString

from artifacts.models import Artifact
from artifacts.parts.charts import Bar, BarPart, Words, bars, columns
from artifacts.queries import AgentViews, CountryViews, Visits, views_of, visits_by_day
from dali.lib.web.admin import picture
from progressions.models import ImageProgression

MOST_IMAGES = 10
MOST_DAYS = 60
MOST_COUNTRIES = 8


@dataclass(frozen=True, slots=True)
class ArtifactPage:
    """`views` includes bots. The charts are None without views."""

    address: str
    pictures: list[SafeString | str]
    shown: int
    files: list[dict[str, Any]]
    views: int
    bots: int
    agents: list[AgentViews]
    days: SafeString | None
    countries: SafeString | None

    @property
    def people(self) -> int:
        """Views not made by a known bot."""
        return self.views - self.bots


def page_of(artifact: Artifact) -> ArtifactPage:
    """Five queries, however many images and views there are."""
    shown = [UUID(text) for text in artifact.manifest.get("progressions", [])]
    views = views_of(artifact.pk)
    visits = visits_by_day(artifact.pk, days=MOST_DAYS)
    return ArtifactPage(
        address=artifact.public_path if artifact.status == Artifact.Status.PUBLISHED else "",
        pictures=_pictures(shown[:MOST_IMAGES]),
        shown=len(shown),
        files=artifact.manifest.get("files", []),
        views=views.total,
        bots=sum(row["views"] for row in views.by_agent if row["bot"]),
        agents=views.by_agent[:MOST_COUNTRIES],
        days=_days(visits) if visits else None,
        countries=_countries(views.by_country) if views.total else None,
    )


def _pictures(ids: list[UUID]) -> list[SafeString | str]:
    rows = ImageProgression.objects.in_bulk(ids)
    found = [rows[one] for one in ids if one in rows]
    return [picture(row.generated_image_url, row.prompt, size="medium") for row in found]


def _days(visits: list[Visits]) -> SafeString:
    people, bots = sum(visit.people for visit in visits), sum(visit.bots for visit in visits)
    words = Words("days", "Views by day", f"{people} by people and {bots} by bots in {len(visits)} days.")
    rows = [
        Bar(
            f"{visit.day:%-d %b %Y}",
            str(visit.people + visit.bots),
            (BarPart(visit.people, "accent"), BarPart(visit.bots, "pale")),
        )
        for visit in visits
    ]
    return columns(words, rows)


def _countries(found: list[CountryViews]) -> SafeString:
    """The most frequent countries, and the rest together."""
    rest = sum(row["views"] for row in found[MOST_COUNTRIES:])
    counted = [(row["country"] or "not known", row["views"]) for row in found[:MOST_COUNTRIES]]
    counted += [("others", rest)] if rest else []
    return chart_of_counts("countries", "Views by country", counted)


def chart_of_counts(key: str, title: str, counts: Sequence[tuple[str, int]]) -> SafeString:
    """A bar for each name; the description lists the counts."""
    text = ", ".join(f"{name}: {count}" for name, count in counts)
    rows = [Bar(name, f"{count:,}", (BarPart(count, "accent"),)) for name, count in counts]
    return bars(Words(key, title, f"{text}."), rows)
