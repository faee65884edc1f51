"""Stakeholder report as a PDF: cover, figures, the best images large, verdicts, costs and every prompt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from artifacts.generator import EmptyMaterialError, File, Generator, Report, in_silence
from artifacts.generators.stakeholder_pdf.report import call_row, cost_note, model_rows, summary
from artifacts.material import ImageFacts, JobFacts, Material
from artifacts.options import option
from artifacts.parts.prints import Print, prints
from artifacts.parts.tally import tallies
from artifacts.parts.typeset import one_line, paragraphs, pdf
from artifacts.parts.wording import day_span

_PAPERS = {"a4": (210.0, 297.0), "letter": (215.9, 279.4)}
# Longest sides in pixels: of the cover, of a large image, of an image beside its verdict.
_COVER_PX, _LARGE_PX, _SMALL_PX = 2000, 1600, 260
# Above this number, only the newest verdicts are shown; the figures always cover all.
_VERDICTS_MOST = 200
_NOTES_MOST = 4


@dataclass(frozen=True, slots=True)
class StakeholderOptions:
    """Options of a stakeholder report."""

    most: int = option(
        8, "Maximum number of large images: passed images first, then the newest.", least=1, most=60
    )
    paper: Literal["a4", "letter"] = option("a4", "The paper size.")
    appendix: bool = option(True, "Whether to append all prompts, with seeds, models and failures.")


class StakeholderPdf(Generator):
    """See the module."""

    name = "stakeholderPdf"
    title = "Stakeholder report"
    description = "Cover, figures, the best images large, verdicts, costs and an appendix with all prompts."
    output = "pdf"
    options = StakeholderOptions
    needs = frozenset({"jobs"})

    def generate(
        self, material: Material, options: StakeholderOptions, report: Report = in_silence
    ) -> list[File]:
        """One document."""
        if not material.images:
            raise EmptyMaterialError("there are no images yet: run a job first")
        chosen = best_of(material.images, options.most)
        judged = [image for image in material.images if image.judgment is not None]
        listed = judged[-_VERDICTS_MOST:]
        cover, shown, beside = _prints(material, chosen, listed)
        rows = tallies(material.jobs, material.images)
        files = {
            "cover.jpg": cover.content,
            **{f"large{number}.jpg": one.content for number, one in enumerate(shown)},
            **{f"small{number}.jpg": one.content for number, one in enumerate(beside)},
        }
        data = {
            **_head(material, options),
            "cover": _picture("cover.jpg", cover, chosen[0]),
            "figures": summary(material, rows),
            "models": model_rows(rows),
            "cost_note": cost_note(rows),
            "chosen": _entries("large", chosen, shown, caption_most=420),
            "verdicts": _entries("small", listed, beside, caption_most=140),
            "judged": len(judged),
            "unjudged": len(material.images) - len(judged),
            "jobs": [_job(job) for job in material.jobs] if options.appendix else [],
        }
        content = pdf("stakeholder", data, {name: content for name, content in files.items() if content})
        return [File("report.pdf", "application/pdf", content)]


def best_of(images: Sequence[ImageFacts], most: int) -> list[ImageFacts]:
    """Passed images, then images without a verdict, then the others; the newest of each first."""
    rank = {"pass": 0, None: 1, "fail": 2}
    newest_first = list(images)[::-1]
    return sorted(newest_first, key=lambda image: rank.get(image.judgment, 2))[:most]


def _prints(
    material: Material, chosen: Sequence[ImageFacts], listed: Sequence[ImageFacts]
) -> tuple[Print, list[Print], list[Print]]:
    """The cover, the large and the small prints; each original is read once."""
    wanted = {image.id: (image, list[int]()) for image in material.images}
    wanted[chosen[0].id][1].append(_COVER_PX)
    for images, side in ((chosen, _LARGE_PX), (listed, _SMALL_PX)):
        for image in images:
            wanted[image.id][1].append(side)
    made = {
        (image.id, side): one
        for (image, asked), each in zip(wanted.values(), prints(material, list(wanted.values())), strict=True)
        for side, one in zip(asked, each, strict=True)
    }
    return (
        made[chosen[0].id, _COVER_PX],
        [made[image.id, _LARGE_PX] for image in chosen],
        [made[image.id, _SMALL_PX] for image in listed],
    )


def _head(material: Material, options: StakeholderOptions) -> dict[str, object]:
    width, height = _PAPERS[options.paper]
    told = "\n".join(project.description for project in material.projects)
    return {
        "paper": {"width": width, "height": height},
        "title": one_line(material.title, 160),
        "running": one_line(material.title, 100),
        "subtitle": one_line(material.subtitle, 200),
        "description": paragraphs(told, 420),
        "span": day_span(material.images),
    }


def _picture(name: str, one: Print, image: ImageFacts) -> dict[str, object]:
    return one.described(name, one_line(image.prompt, 200)["text"] or "An image without a prompt")


def _entries(
    name: str, images: Sequence[ImageFacts], made: Sequence[Print], *, caption_most: int
) -> list[dict[str, object]]:
    """Images with their prompts and the judge's notes. `name`: of their files, before the number."""
    return [
        {
            "picture": _picture(f"{name}{number}.jpg", one, image),
            "caption": one_line(image.prompt, caption_most),
            "judgment": image.judgment,
            "notes": [one_line(note, 260) for note in image.notes[:_NOTES_MOST] if note.strip()],
            "retry": one_line(image.retry_suggestion, 260),
            "tags": one_line(", ".join(image.tags[:10]), 120),
            "maker": one_line(image.maker, 80),
            "seed": "" if image.seed is None else str(image.seed),
        }
        for number, (image, one) in enumerate(zip(images, made, strict=True))
    ]


def _job(job: JobFacts) -> dict[str, object]:
    """A full prompt, and the outcome of each image requested."""
    calls = [
        {**row, "maker": one_line(row["maker"], 80), "why": one_line(row["why"], 300)}
        for row in map(call_row, job.variants)
    ]
    return {"kind": job.kind, "size": job.size, "prompt": paragraphs(job.prompt), "calls": calls}
