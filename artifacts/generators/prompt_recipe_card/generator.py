"""Prompt recipe card: how to make an image again, with all its settings and a command."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from artifacts.generator import EmptyMaterialError, File, Generator, Report, in_silence
from artifacts.generators.prompt_recipe_card.recipe import MASK, curl_command, find_variant, options_of
from artifacts.generators.prompt_recipe_card.wording import WordRun, differences
from artifacts.making.page import html_file
from artifacts.material import ImageFacts, Material
from artifacts.options import option
from artifacts.templatetags.artifact_pages import day, seconds, usd
from dali.lib.errors import InputError

_ROLLBACK = "rollback"  # shows an earlier image again: no provider made it
_RANKS = ("pass", None, "fail")
_NOT_KNOWN = "not known"


@dataclass(frozen=True, slots=True)
class RecipeOptions:
    """Options of a recipe card."""

    image_id: str = option("", "The image's id; empty: the newest that passed.", most=36)
    most: int = option(
        1,
        "How many cards, without image_id: passed images first, then images without a verdict, "
        "then failed ones; the newest of each first.",
        least=1,
        most=200,
    )


@dataclass(frozen=True, slots=True)
class Card:
    """One image and how it was made. `facts`: label and value; `ancestors`: root first."""

    image: ImageFacts
    facts: tuple[tuple[str, str], ...]
    wording: tuple[WordRun, ...]
    ancestors: tuple[ImageFacts, ...]
    start_url: str
    options: str
    command: str

    @property
    def is_refined(self) -> bool:
        """Whether the provider got a different prompt than the one written."""
        return any(piece.change != "same" for piece in self.wording)


class PromptRecipeCard(Generator):
    """See the module."""

    name = "promptRecipeCard"
    title = "Prompt recipe card"
    description = (
        "How to make an image again: prompt, refined prompt, tips, model, seed, size, cost, and the command."
    )
    output = "html"
    options = RecipeOptions
    needs = frozenset({"jobs"})

    def generate(self, material: Material, options: RecipeOptions, report: Report = in_silence) -> list[File]:
        """One page."""
        images = _chosen(material, options)
        cards = [_card(material, image) for image in images]
        context = {"cards": cards, "mask": MASK}
        return [html_file("prompt_recipe_card.html", material, context, cover=images[0])]


def _chosen(material: Material, options: RecipeOptions) -> Sequence[ImageFacts]:
    made = [image for image in material.images[::-1] if image.kind != _ROLLBACK]
    if not made:
        raise EmptyMaterialError("there are no images yet: run a job first")
    if not options.image_id:
        return sorted(made, key=lambda image: _RANKS.index(image.judgment))[: options.most]
    wanted = options.image_id.strip().lower()
    for image in material.images:
        if str(image.id) == wanted:
            if image.kind == _ROLLBACK:
                cure = f"send its parent, '{image.parent_id}'"
                raise InputError("options.image_id", f"'{wanted}' is a rollback to an earlier image; {cure}")
            return [image]
    raise InputError("options.image_id", f"'{wanted[:80]}' is not an image of these projects")


def _card(material: Material, image: ImageFacts) -> Card:
    job, _ = find_variant(material, image)
    options = options_of(job, image.provider)
    ancestors = _ancestors(material, image)
    shown = {one.url for one in ancestors}
    return Card(
        image=image,
        facts=_facts(material, image),
        wording=differences(image.prompt, image.refined_prompt or image.prompt),
        ancestors=ancestors,
        start_url="" if image.start_url in shown else image.start_url,
        options=json.dumps(options, ensure_ascii=False, indent=2, sort_keys=True) if options else "",
        command=curl_command(material, image),
    )


def _facts(material: Material, image: ImageFacts) -> tuple[tuple[str, str], ...]:
    job, variant = find_variant(material, image)
    steps = variant.steps if variant else ()
    calls = [step.ms for step in steps if step.name == "generate" and step.status == "ok"]
    return (
        ("Provider", image.provider),
        ("Model", image.model or _NOT_KNOWN),
        ("Kind", image.kind),
        ("Seed", _seed(image, variant.seed if variant else None)),
        ("Size asked", (job.size if job else "") or "the provider's default"),
        ("Size made", f"{image.width}x{image.height}"),
        ("Cost", usd(image.cost_usd) or _NOT_KNOWN),
        ("Time", (seconds(calls[-1]) if calls else "") or _NOT_KNOWN),
        ("Made on", day(image.created_at)),
    )


def _seed(image: ImageFacts, asked: int | None) -> str:
    if image.seed is not None:
        return str(image.seed)
    if asked is not None:
        return f"{asked} (not supported by the provider)"
    return _NOT_KNOWN


def _ancestors(material: Material, image: ImageFacts) -> tuple[ImageFacts, ...]:
    known = {one.id: one for one in material.images}
    found: list[ImageFacts] = []
    seen = {image.id}
    at = image.parent_id
    while at is not None and at in known and at not in seen:
        seen.add(at)
        found.append(known[at])
        at = known[at].parent_id
    return tuple(found[::-1])
