"""Seed replay script: every call that made these projects, with its seeds, in order, to repeat them."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache

from artifacts.generator import EmptyMaterialError, File, Generator, in_silence
from artifacts.material import JobFacts, Material
from artifacts.parts.figures import counted
from artifacts.parts.records import heading, json_file
from artifacts.parts.replay import FORMAT, VERSION, Plan, plan_of

_ALWAYS = (
    "Only the built-in provider promises the same bytes for the same seed; other providers make a similar image.",
    "A prompt is refined with the tips enabled when it is sent; refinedPrompt is what was sent originally.",
    "To get the same refined prompts, first import the tips of that time (knowledgePack).",
    "Images are judged again, with new verdicts, notes and tags.",
    "Of two near-duplicates, the later one is skipped; this may be a different one than before.",
)


@dataclass(frozen=True, slots=True)
class SeedReplayOptions:
    """Which jobs are included."""

    include_failed: bool = field(
        default=False, metadata={"help": "Whether to include jobs that left no image."}
    )


class SeedReplayScript(Generator):
    """See the module."""

    name = "seedReplayScript"
    title = "Seed replay script"
    description = "Every call needed to make the project again, in order, with the seed of each image."
    output = "json"
    options = SeedReplayOptions
    needs = frozenset({"jobs"})
    is_long = True  # reads every image to compute its digest

    def check(self, material: Material, options: SeedReplayOptions) -> None:
        """Checks that there is a job to repeat."""
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
    """The jobs that left an image, or all; not those without a fetched start image. Raises EmptyMaterialError."""
    found = [
        job
        for job in material.jobs
        if (options.include_failed or any(variant.image_id for variant in job.variants))
        and job.variants
        and not (job.start_image_url and not job.start_image_key)
    ]
    if not found:
        raise EmptyMaterialError(
            "no job has left an image yet: run a job first"
            if material.jobs
            else "there are no jobs yet: run a job first"
        )
    return found


def _notes(material: Material, jobs: Sequence[JobFacts], plan: Plan) -> list[str]:
    """What cannot be repeated, in sentences."""
    notes = []
    made = [image for image in material.images if image.id in plan.made]
    seedless = Counter(image.provider for image in made if image.seed is None and image.kind != "rollback")
    for name, count in sorted(seedless.items()):
        notes.append(f"{name} used no seed for {counted(count, 'image')}, so they will differ.")
    if left := len(material.jobs) - len(jobs):
        notes.append(f"{counted(left, 'job')} without an image left out.")
    if lost := len(material.images) - len(made):
        notes.append(f"{counted(lost, 'image')} cannot be made again: the job no longer exists.")
    shared = {job.start_image_key for job in jobs} | {job.mask_key for job in jobs}
    gone = sorted(key for key in shared if key and plan.digest(key) is None)
    notes += [f"The object {key} is missing from the originals storage." for key in gone]
    return notes
