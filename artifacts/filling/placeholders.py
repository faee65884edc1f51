"""Reads a template: which placeholders it has, in which order, and what in it cannot be filled."""

from dataclasses import dataclass

from artifacts.filling.places import ValueKind, find_places
from artifacts.filling.syntax import Lines, at_most, is_image, malformed, spots_of


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One name that a template asks for. `is_link`: somewhere it is the address that a link or the like leads to."""

    name: str
    is_image: bool
    is_link: bool


@dataclass(frozen=True, slots=True)
class TemplatePage:
    """A template as it was read. `placeholders`: in the order of the page, each once, without those never shown.

    `problems`: in sentences with their lines, what is left as it stands.
    """

    placeholders: tuple[Placeholder, ...]
    problems: tuple[str, ...]


def read(html: str) -> TemplatePage:
    """What a template asks for."""
    spots, lines = spots_of(html), Lines(html)
    found: dict[str, Placeholder] = {}
    problems = malformed(html, spots, lines)
    for spot, place in zip(spots, find_places(html, spots), strict=True):
        if place.kind is ValueKind.LEFT:
            problems.append(
                f"line {lines.at(spot.start)}: {{{{{spot.name}}}}} stands in {place.where} and is left as it stands"
            )
            continue
        known = found.get(spot.name)
        is_link = not spot.is_image and (
            place.kind is ValueKind.ADDRESS or (known is not None and known.is_link)
        )
        found[spot.name] = Placeholder(spot.name, is_image(spot.name), is_link)
    return TemplatePage(tuple(found.values()), at_most(problems))
