"""Seed replay script: every call that made these projects, with its seeds, to be made again in that order."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from artifacts.generator import EmptyMaterialError, File, Generator, in_silence
from artifacts.material import JobFacts, Material
from artifacts.parts.records import heading, json_file
from artifacts.parts.replay import FORMAT, VERSION, Plan, plan_of

_ALWAYS = (
    "Only the built-in provider promises the same bytes for the same seed; services make a similar picture of it.",
    "A prompt is worked over by the tips that are switched on when it is sent: refinedPrompt is what was sent then.",
    "For the same words import the tips of that day first (knowledgePack).",
    "Verdicts, notes and tags are given anew.",
    "Of two near-duplicates the one that was made later is skipped: that may be the other one.",
)


@dataclass(frozen=True, slots=True)
class SeedReplayOptions:
    """Which jobs are written down."""

    include_failed: bool = field(
        default=False, metadata={"help": "Whether jobs that left no image are written down, too."}
    )


class SeedReplayScript(Generator):
    """See the module."""

    name = "seedReplayScript"
    title = "Seed replay script"
    description = "Every call needed to make the project again, in order, with the seed of each image."
    output = "json"
    options = SeedReplayOptions
    needs = frozenset({"jobs"})
    is_long = True  # every image is read for its digest

    def check(self, material: Material, options: SeedReplayOptions) -> None:
        """There must be a job to make again."""
        _jobs(material, options)

    def generate(
        self, material: Material, options: SeedReplayOptions, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """One file."""
        read = 0

        @cache
        def digest(key: str) -> str | None:
            nonlocal read
            read += 1
            report(min(0.99, read / (len(material.images) + len(material.jobs) + 1)))
            try:
                return hashlib.sha256(material.read(key)).hexdigest()
            except FileNotFoundError:
                return None

        jobs = _jobs(material, options)
        plan = plan_of(material, jobs, digest)
        record = {
            **heading(FORMAT, VERSION, material),
            "notes": [*_notes(material, jobs, plan), *_ALWAYS],
            "calls": plan.calls,
        }
        return [json_file("replay.json", record)]


def _jobs(material: Material, options: SeedReplayOptions) -> list[JobFacts]:
    """Those that left an image (or all); never one whose start image never came. Raises EmptyMaterialError."""
    found = [
        job
        for job in material.jobs
        if (options.include_failed or any(variant.image_id for variant in job.variants))
        and job.variants
        and not (job.start_image_url and not job.start_image_key)
    ]
    if not found:
        raise EmptyMaterialError(
            "no job left an image yet: run one first"
            if material.jobs
            else "there are no jobs yet: run one first"
        )
    return found


def _notes(material: Material, jobs: Sequence[JobFacts], plan: Plan) -> list[str]:
    """What cannot be had again, in sentences."""
    notes = []
    made = [image for image in material.images if image.id in plan.made]
    seedless = Counter(image.provider for image in made if image.seed is None and image.kind != "rollback")
    for name, count in sorted(seedless.items()):
        notes.append(f"{name} took no seed for {_counted(count, 'image')}: it will make others.")
    if left := len(material.jobs) - len(jobs):
        notes.append(f"{_counted(left, 'job')} without an image left out.")
    if lost := len(material.images) - len(made):
        notes.append(f"{_counted(lost, 'image')} cannot be made again: the job behind is not known any more.")
    shared = {job.start_image_key for job in jobs} | {job.mask_key for job in jobs}
    gone = sorted(key for key in shared if key and plan.digest(key) is None)
    notes += [f"The object {key} is missing from the originals storage." for key in gone]
    return notes


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
