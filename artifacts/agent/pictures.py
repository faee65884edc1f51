"""Reads the images an artifact may show: pages of them, by description, by id or URL."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.text import Truncator

from artifacts.agent.understanding.intent import Offer, ProjectName
from artifacts.agent.understanding.matching import matches
from artifacts.models import Artifact, ProjectArtifact
from progressions.delivery import public_url
from progressions.models import ImageProgression

PAGE = 12
# Descriptions are searched in this many of the newest images.
MOST_SCANNED = 5_000
_CHUNK = 500
_MOST_LABEL = 60
_MOST_PROMPT = 300
_MOST_WORDS = 1_500
_ID = re.compile(r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)
_FIELDS = (
    "id", "project_id", "project__name", "prompt", "ai_provider", "judgment", "ai_notes", "ai_tags",
    "generated_image_url", "created_at",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """An image as it is offered. `url` is absolute; `words`: its prompt, notes and tags, cut."""

    id: str
    label: str
    url: str
    prompt: str
    words: str
    project: str


@dataclass(frozen=True, slots=True)
class ImagePage:
    """A page of images out of `total`. `foreign`: the project of the named image if it is not one of the artifact's;
    `scanned`: how many images were searched, if not all."""

    images: tuple[Shown, ...]
    total: int
    foreign: str = ""
    scanned: int | None = None


def projects_of(artifact: Artifact) -> list[ProjectName]:
    """The artifact's projects, in the order they were added."""
    rows = ProjectArtifact.objects.filter(artifact=artifact).order_by("id")
    return [ProjectName(str(pk), name) for pk, name in rows.values_list("project_id", "project__name")]


def page_of(project_ids: Sequence[str], *, after: str, most: int, is_oldest_first: bool = False) -> ImagePage:
    """The images after `after`, or the first ones; newest first unless `is_oldest_first`."""
    rows = _rows(project_ids)
    total = rows.count()
    if after and (last := ImageProgression.objects.filter(id=UUID(after)).first()) is not None:
        rows = rows.filter(
            Q(created_at__lte=last.created_at) & (Q(created_at__lt=last.created_at) | Q(id__lt=last.id))
        )
    order = ("created_at", "id") if is_oldest_first else ("-created_at", "-id")
    return ImagePage(tuple(_shown(row) for row in rows.order_by(*order)[:most]), total)


def find_described(project_ids: Sequence[str], words: str, *, after: str, most: int) -> ImagePage:
    """The images whose prompt, notes and tags contain the words; best match first, then newest."""
    found: list[dict[str, Any]] = []
    scanned = 0
    for rows in _newest(project_ids):
        scanned += len(rows)
        offers = [Offer(n, "", str(row["id"]), _words(row)) for n, row in enumerate(rows)]
        found += [rows[offer.n] for offer in matches(words, offers)]
    ids = [str(row["id"]) for row in found]
    start = ids.index(after) + 1 if after in ids else 0
    has_more = scanned == MOST_SCANNED and _rows(project_ids).count() > scanned
    page = tuple(_shown(row) for row in found[start : start + most])
    return ImagePage(page, len(found), scanned=scanned if has_more else None)


def find_named(project_ids: Sequence[str], named: str) -> ImagePage:
    """The image with that id or URL; otherwise the name of another project that has it."""
    every = ImageProgression.objects.filter(_is_named(named)).values(*_FIELDS)
    wanted = set(project_ids)
    rows = sorted(
        every.order_by("-created_at", "-id")[:50], key=lambda row: str(row["project_id"]) not in wanted
    )
    if not rows:
        return ImagePage((), 0)
    if str(rows[0]["project_id"]) not in wanted:
        return ImagePage((), 0, foreign=rows[0]["project__name"])
    return ImagePage((_shown(rows[0]),), 1)


def find_placed(project_ids: Sequence[str], addresses: Sequence[str]) -> ImagePage:
    """The images with these URLs, each once; images of other projects are left out."""
    wanted = [form for address in addresses for form in _forms(address)]
    rows = _rows(project_ids).filter(generated_image_url__in=wanted).order_by("-created_at", "-id")
    by_address = {row["generated_image_url"]: row for row in rows}
    images = tuple(replace(_shown(row), words="") for row in by_address.values())
    return ImagePage(images, len(images))


def _is_named(named: str) -> Q:
    last = _path_of(named).rstrip("/").rpartition("/")[2]
    return Q(id=UUID(last)) if _ID.fullmatch(last) else Q(generated_image_url__in=_forms(named))


def _forms(address: str) -> set[str]:
    """The forms a URL may have in a row: absolute, or a path of this server, whose origin may have changed."""
    path = _path_of(address)
    is_own = path.startswith("/images/") or address.startswith(f"{settings.PUBLIC_ORIGIN}/")
    return {address.strip(), path} if is_own else {address.strip()}


def _path_of(address: str) -> str:
    try:
        return urlsplit(address.strip()).path
    except ValueError:
        return ""


def _rows(project_ids: Sequence[str]) -> QuerySet[ImageProgression, dict[str, Any]]:
    rows: QuerySet[ImageProgression, dict[str, Any]] = ImageProgression.objects.values(*_FIELDS)
    return rows.filter(project_id__in=list(project_ids))


def _newest(project_ids: Sequence[str]) -> Iterator[list[dict[str, Any]]]:
    newest = _rows(project_ids).order_by("-created_at", "-id")[:MOST_SCANNED]
    rows = newest.iterator(chunk_size=_CHUNK)
    while chunk := list(islice(rows, _CHUNK)):
        yield chunk


def _words(row: dict[str, Any]) -> str:
    return "\n".join([row["prompt"], *row["ai_notes"], *row["ai_tags"]])


def _shown(row: dict[str, Any]) -> Shown:
    prompt = Truncator(" ".join(row["prompt"].split())).chars(_MOST_LABEL)
    return Shown(
        id=str(row["id"]),
        label=" · ".join(filter(None, (prompt, row["ai_provider"], row["judgment"]))),
        url=public_url(row["generated_image_url"]),
        prompt=Truncator(row["prompt"].strip()).chars(_MOST_PROMPT),
        words=_words(row)[:_MOST_WORDS],
        project=row["project__name"],
    )
