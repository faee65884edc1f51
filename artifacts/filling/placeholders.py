"""Reads a template: its placeholders in order, and what cannot be filled."""

from dataclasses import dataclass

from artifacts.filling.places import ValueKind, find_places
from artifacts.filling.syntax import Lines, at_most, is_image, malformed, spots_of


@dataclass(frozen=True, slots=True)
class Placeholder:
    """A name that a template asks for. `is_link`: at least once it is the URL of a link."""

    name: str
    is_image: bool
    is_link: bool


@dataclass(frozen=True, slots=True)
class TemplatePage:
    """A parsed template. `placeholders`: in page order, each once, without those that are never shown.

    `problems`: what cannot be filled, in sentences with line numbers.
    """

    placeholders: tuple[Placeholder, ...]
    problems: tuple[str, ...]


def read(html: str) -> TemplatePage:
    """The placeholders of a template."""
    spots, lines = spots_of(html), Lines(html)
    found: dict[str, Placeholder] = {}
    problems = malformed(html, spots, lines)
    for spot, place in zip(spots, find_places(html, spots), strict=True):
        if place.kind is ValueKind.LEFT:
            problems.append(
                f"line {lines.at(spot.start)}: {{{{{spot.name}}}}} is in {place.where} and is not filled"
            )
            continue
        known = found.get(spot.name)
        is_link = not spot.is_image and (
            place.kind is ValueKind.ADDRESS or (known is not None and known.is_link)
        )
        found[spot.name] = Placeholder(spot.name, is_image(spot.name), is_link)
    return TemplatePage(tuple(found.values()), at_most(problems))
