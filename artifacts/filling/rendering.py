"""Fills a template: each placeholder replaced literally, escaped for where it stands. The same input, the same text.

There is no template language: no conditions, no loops, and a value is never looked at for placeholders. What
cannot be filled safely is left as it stands, and said.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from artifacts.filling import escaping
from artifacts.filling.places import ALLOWED_SCHEMES, Marks, Place, ValueKind, find_places, scheme_of
from artifacts.filling.syntax import Lines, Spot, at_most, malformed, spots_of

# An address that leads nowhere but to the page itself.
NOWHERE = "#"
# In a list of addresses an empty one would make the next word an address.
_EMPTY_CANDIDATE = "data:,"


@dataclass(frozen=True, slots=True)
class Rendered:
    """`problems`: in sentences with their lines, what was left as it stands or not taken."""

    text: str
    problems: tuple[str, ...]


def render(html: str, values: Mapping[str, str]) -> Rendered:
    """The page with `values` (by placeholder) in their places; one that has no value is left as it stands.

    The value of a placeholder whose name holds IMAGE is the address of an image: http(s), or a path of this server.
    """
    spots, lines = spots_of(html), Lines(html)
    problems = malformed(html, spots, lines)
    plain, refused = _cleaned(values)
    problems += refused
    known = [spot for spot in spots if spot.name in plain]
    problems += [
        f"line {lines.at(spot.start)}: {{{{{spot.name}}}}} has no value and is left as it stands"
        for spot in spots
        if spot.name not in values
    ]
    blank = {number for number, spot in enumerate(known) if not plain[spot.name]}
    places = find_places(html, known, blank)
    written = _Page(html, known, places, plain, lines)
    return Rendered(written.text(), at_most([*problems, *written.problems]))


def _cleaned(values: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The values as they will be shown, and what is wrong with those of images."""
    plain, problems = {}, []
    for name, value in values.items():
        plain[name] = escaping.cleaned(value)
        if "IMAGE" not in name or not plain[name]:
            continue
        address = escaping.image_address(plain[name])
        if address is None:
            problems.append(f"{name}: “{plain[name][:80]}” is no address of an image; left empty")
        plain[name] = address or ""
    return plain, problems


class _Page:
    """One page while it is written."""

    def __init__(
        self,
        html: str,
        spots: Sequence[Spot],
        places: Sequence[Place],
        plain: Mapping[str, str],
        lines: Lines,
    ) -> None:
        self._html, self._spots, self._places, self._plain, self._lines = html, spots, places, plain, lines
        self._marks = Marks.for_page(html)
        self._pattern = self._marks.pattern
        self._first_of_empty: dict[str, int | None] = {}  # by the attribute's value, as is the next
        self._well_led: dict[str, bool] = {}
        self.problems: list[str] = []

    def text(self) -> str:
        """The whole page; fills `problems`."""
        parts: list[str] = []
        at = 0
        for number, spot in enumerate(self._spots):
            before = self._html[at : spot.start]
            parts.append(before)
            value = self._value(number)
            # What may begin a character reference can stand in the page or at the end of the value before.
            context = before if len(before) > 40 else "".join(parts[-5:])
            parts.append(escaping.apart(value, context))
            at = spot.end
        return "".join([*parts, self._html[at:]])

    def _value(self, number: int) -> str:
        """What is written in place of one placeholder."""
        spot, place = self._spots[number], self._places[number]
        value = self._plain[spot.name]
        if place.kind is ValueKind.LEFT:
            return self._left(spot, f"stands in {place.where}")
        if place.kind is ValueKind.TEXT:
            return escaping.in_text(value)
        if place.kind is ValueKind.STYLE_ADDRESS:
            return escaping.style_address(value)
        if place.kind in {ValueKind.ADDRESS, ValueKind.ADDRESS_PART} and not self._leads_well(place):
            return self._left(spot, f"would make an address of a forbidden kind of {place.where}")
        found = self._in_attribute(number)
        if found is None:
            self._say(
                spot, f"“{value[:80]}” is no address that a page may have; “{NOWHERE}” stands in its place"
            )
            found = NOWHERE
        if place.is_quoted:
            return escaping.in_text(found)
        if not found and self._is_all_empty(number):
            return '""'
        return escaping.in_bare_attribute(found)

    def _in_attribute(self, number: int) -> str | None:
        """The value as its attribute has it, not yet escaped; None for an address that is refused."""
        spot, place = self._spots[number], self._places[number]
        value = self._plain[spot.name]
        if place.kind is ValueKind.ADDRESS:
            return escaping.address(value)
        if place.kind is ValueKind.ADDRESS_PART:
            return escaping.address_part(value, place.scheme)
        if place.kind is ValueKind.CANDIDATE:
            is_alone = place.value.strip() == self._marks.word(number)
            return escaping.candidate(value) if value or is_alone else _EMPTY_CANDIDATE
        return value

    def _is_all_empty(self, number: int) -> bool:
        """Whether an attribute without quotes would be nothing at all; true for its first placeholder alone."""
        value = self._places[number].value
        if value not in self._first_of_empty:
            inside = [int(mark[1]) for mark in self._pattern.finditer(value)]
            is_empty = not self._pattern.sub("", value) and not any(
                self._plain[self._spots[one].name] for one in inside
            )
            self._first_of_empty[value] = inside[0] if is_empty else None
        return self._first_of_empty[value] == number

    def _leads_well(self, place: Place) -> bool:
        """Whether the whole address, with all its values, is of an allowed kind."""
        if place.value not in self._well_led:
            scheme = scheme_of(self._pattern.sub(self._filled, place.value))
            self._well_led[place.value] = not scheme or scheme in ALLOWED_SCHEMES
        return self._well_led[place.value]

    def _filled(self, mark: re.Match[str]) -> str:
        found = self._in_attribute(int(mark[1]))
        return NOWHERE if found is None else found

    def _left(self, spot: Spot, why: str) -> str:
        self._say(spot, f"{why} and is left as it stands")
        return self._html[spot.start : spot.end]

    def _say(self, spot: Spot, what: str) -> None:
        self.problems.append(f"line {self._lines.at(spot.start)}: {{{{{spot.name}}}}} {what}")
