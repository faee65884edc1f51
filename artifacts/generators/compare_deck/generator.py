"""Compare deck: each provider's result for the same prompt, side by side, with the start image, or blind."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from uuid import UUID

from artifacts.generator import EmptyMaterialError, File, Generator, Report, cover_of, in_silence
from artifacts.making.page import html_file
from artifacts.material import ImageFacts, JobFacts, Material, VariantFacts
from artifacts.options import option

_OUTCOMES = {
    "failed": "Failed",
    "skipped": "Skipped: near-duplicate of another",
    "cancelled": "Cancelled",
    "queued": "Not started when this page was made",
    "running": "Still running when this page was made",
}


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """Options of a compare deck."""

    blind: bool = option(False, "Whether providers are called A, B, C until a reader reveals them.")
    most: int = option(100, "Maximum number of jobs; the newest are kept.", least=1, most=500)


@dataclass(frozen=True, slots=True)
class DeckEntry:
    """A variant: its image, or its outcome. `twin`: letter and provider of the image it duplicates."""

    variant: VariantFacts
    image: ImageFacts | None
    outcome: str
    twin: tuple[str, str] | None


@dataclass(frozen=True, slots=True)
class Column:
    """One provider's results in one job. `letter`: its name in blind mode; `rank`: its position by name."""

    provider: str
    letter: str
    rank: int
    entries: tuple[DeckEntry, ...]


@dataclass(frozen=True, slots=True)
class Round:
    """A job with its columns, ordered by letter. `start_url`: the image that was edited, or empty."""

    job: JobFacts
    start_url: str
    columns: tuple[Column, ...]


class CompareDeck(Generator):
    """See the module."""

    name = "compareDeck"
    title = "Compare deck"
    description = "Each job's variants side by side by provider, with a before/after slider and a blind mode."
    output = "html"
    options = CompareOptions
    needs = frozenset({"jobs"})

    def generate(
        self, material: Material, options: CompareOptions, report: Report = in_silence
    ) -> list[File]:
        """One page."""
        jobs = [job for job in material.jobs if job.variants][-options.most :]
        if not jobs:
            raise EmptyMaterialError("there are no jobs to compare: run a job with several providers first")
        images = {image.id: image for image in material.images}
        rounds = [_round(job, images) for job in jobs]
        variants = [entry for one in rounds for column in one.columns for entry in column.entries]
        shown = [entry.image for entry in variants if entry.image is not None]
        context = {
            "rounds": rounds,
            "images": shown,
            "ranks": range(max(len(one.columns) for one in rounds)),
            "providers": sorted({column.provider for one in rounds for column in one.columns}),
            "failures": sum(entry.variant.status == "failed" for entry in variants),
            "blind": options.blind,
        }
        return [html_file("compare_deck.html", material, context, cover=cover_of(shown) if shown else None)]


def _round(job: JobFacts, images: Mapping[UUID, ImageFacts]) -> Round:
    """The columns are ordered by a digest of the job, so that no position belongs to a provider."""
    providers = sorted({variant.provider for variant in job.variants})
    shuffled = sorted(providers, key=lambda name: hashlib.sha256(f"{job.id}/{name}".encode()).digest())
    letters = dict(zip(shuffled, _letters(len(shuffled)), strict=True))
    columns = tuple(
        Column(name, letters[name], providers.index(name), _entries(job, name, images, letters))
        for name in shuffled
    )
    made = [entry.image for column in columns for entry in column.entries if entry.image is not None]
    return Round(job, next((image.start_url for image in made if image.start_url), ""), columns)


def _letters(count: int) -> Sequence[str]:
    """A, B, ... Z, A2, B2, ..."""
    rounds = (count - 1) // len(ascii_uppercase) + 1
    return [f"{letter}{turn or ''}" for turn in (0, *range(2, rounds + 1)) for letter in ascii_uppercase][
        :count
    ]


def _entries(
    job: JobFacts, provider: str, images: Mapping[UUID, ImageFacts], letters: Mapping[str, str]
) -> tuple[DeckEntry, ...]:
    by_id = {variant.id: variant for variant in job.variants}
    entries: list[DeckEntry] = []
    for variant in job.variants:
        if variant.provider != provider:
            continue
        image = images.get(variant.image_id) if variant.image_id is not None else None
        outcome = "" if image is not None else _OUTCOMES.get(variant.status, "Its image is gone")
        twin = by_id.get(variant.duplicate_of) if variant.duplicate_of is not None else None
        named = None if twin is None else (letters[twin.provider], twin.provider)
        entries.append(DeckEntry(variant, image, outcome, named))
    return tuple(entries)
