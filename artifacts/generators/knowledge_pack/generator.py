"""Knowledge pack: the tips of the knowledge base, with the results of the images they were applied to.

The format is described in docs/generators.md. Each tip is stored as in the knowledge base, so that another
knowledge base can import it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from artifacts.generator import EmptyMaterialError, File, Generator, Report, in_silence
from artifacts.material import ImageFacts, Material, TipFacts
from artifacts.options import option
from artifacts.parts.records import TIPS, heading, json_file

_ENDS = ("complete", "skipped", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class KnowledgePackOptions:
    """Which tips are included."""

    used_only: bool = option(False, "Whether to leave out tips that no image of these projects used.")


class KnowledgePack(Generator):
    """See the module."""

    name = "knowledgePack"
    title = "Knowledge pack"
    description = (
        "The tips of the knowledge base, how often each was applied and how often its images passed."
    )
    output = "json"
    options = KnowledgePackOptions
    needs = frozenset({"jobs", "tips"})

    def generate(
        self, material: Material, options: KnowledgePackOptions, report: Report = in_silence
    ) -> list[File]:
        """One file."""
        if not material.images:
            raise EmptyMaterialError("there are no images with tips yet: run a job first")
        by_tip: dict[str, list[ImageFacts]] = defaultdict(list)
        for image in material.images:
            for key in sorted({tip.key for tip in image.tips}):
                by_tip[key].append(image)
        tips = [tip for tip in material.tips if tip.key in by_tip or not options.used_only]
        known = {tip.key for tip in material.tips}
        asked = {variant.provider for job in material.jobs for variant in job.variants}
        record = {
            **heading(*TIPS, material),
            "tips": [{**_as_kept(tip), "use": _use(tip.key, by_tip[tip.key])} for tip in tips],
            "gone": [
                {"key": key, "use": _use(key, images)}
                for key, images in sorted(by_tip.items())
                if key not in known
            ],
            "providers": [
                _provider(name, material)
                for name in sorted(asked.union(image.provider for image in material.images))
            ],
        }
        return [json_file("knowledge-pack.json", record)]


def _as_kept(tip: TipFacts) -> dict[str, object]:
    """The tip as in the table, in the format of a service's tips.json."""
    return {
        "key": tip.key,
        "provider": tip.provider,
        "enabled": tip.is_enabled,
        "position": tip.position,
        "value": {
            "guidance": tip.guidance,
            "addition": tip.addition,
            "kinds": list(tip.kinds),
            "keywords": list(tip.keywords),
        },
    }


def _use(key: str, images: Sequence[ImageFacts]) -> dict[str, object]:
    """The results of the images it was applied to: in total, and by its wording then, most used first."""
    wordings: dict[str, list[ImageFacts]] = defaultdict(list)
    for image in images:
        for addition in sorted({tip.addition for tip in image.tips if tip.key == key}):
            wordings[addition].append(image)
    ordered = sorted(wordings.items(), key=lambda one: (-len(one[1]), one[0]))
    return {
        **_verdicts(images),
        "wordings": [{"addition": addition, **_verdicts(made)} for addition, made in ordered],
    }


def _verdicts(images: Iterable[ImageFacts]) -> dict[str, object]:
    """Counts; the rate is of judged images, null if none was judged."""
    counts = Counter(image.judgment for image in images)
    judged = counts["pass"] + counts["fail"]
    return {
        "count": counts.total(),
        "judged": judged,
        "passes": counts["pass"],
        "pass_rate": round(counts["pass"] / judged, 4) if judged else None,
    }


def _provider(name: str, material: Material) -> dict[str, object]:
    """A provider's images: all, with and without tips, and the outcomes of its variants."""
    images = [image for image in material.images if image.provider == name]
    ends = Counter(
        variant.status for job in material.jobs for variant in job.variants if variant.provider == name
    )
    return {
        "provider": name,
        **_verdicts(images),
        "with_tips": _verdicts(image for image in images if image.tips),
        "without_tips": _verdicts(image for image in images if not image.tips),
        "variants": {end: ends[end] for end in _ENDS},
    }
