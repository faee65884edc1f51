"""Renders a template while it is being filled: chosen values in place, missing ones marked by name.

Each placeholder's first place gets the id `slot-<NAME>` for links. The marks are added to the template only for this
preview; published pages do not have them.
"""

import re
from collections.abc import Mapping, Sequence

from django.template.loader import render_to_string

from artifacts.filling.places import Place, ValueKind, find_places
from artifacts.filling.rendering import render
from artifacts.filling.syntax import Spot, spots_of

SLOT_PATH = "/studio/slots"
# Elements whose text cannot contain a mark, or is not visible.
_BARE = frozenset({"math", "option", "select", "svg", "template", "text", "textarea", "title", "tspan"})
_UNSEEN = frozenset({"body", "head", "html", "link", "meta", "source"})
_TEXT_OF = re.compile(r"the text of <(.*)>")
_WHOLE_TAG = re.compile(r"<([A-Za-z][A-Za-z0-9-]*)(?:\s[^<>]*)?>")
_TAG = re.compile(r"<([A-Za-z][A-Za-z0-9-]*)\s")
_ID = re.compile(r"\sid\s*=", re.IGNORECASE)
_LONGEST_TAG = 2000


def half_filled(template: str, values: Mapping[str, str]) -> str:
    """The template with the values so far; an empty value means “leave empty”, a missing one is still to come."""
    spots = spots_of(template)
    given = {
        spot.name: f"{SLOT_PATH}/{spot.name}.svg" if spot.is_image else ""
        for spot in spots
        if spot.name not in values
    }
    marked = _marked(template, spots, values)
    return render(marked, {**given, **values}).text + render_to_string("studio/marks.html")


def slot_picture(name: str) -> str:
    """An SVG that names the missing image. `name`: a placeholder name, checked by the caller."""
    return render_to_string("studio/slot.svg", {"name": name, "size": min(110, 1600 // len(name))})


def _marked(template: str, spots: Sequence[Spot], values: Mapping[str, str]) -> str:
    marks = _Marks(template, values)
    for spot, place in zip(spots, find_places(template, spots), strict=True):
        if place.kind is ValueKind.TEXT:
            marks.mark_text(spot, place)
        elif spot.is_image and place.kind is not ValueKind.LEFT:
            marks.mark_tag(spot)
    parts, at = [], 0
    for start, end, insert in sorted(marks.changes):
        parts += [template[at:start], insert]
        at = end
    return "".join([*parts, template[at:]])


class _Marks:
    """Edits to a template: `changes` are (start, end, replacement)."""

    def __init__(self, template: str, values: Mapping[str, str]) -> None:
        self.changes: list[tuple[int, int, str]] = []
        self._template = template
        self._values = values
        self._placed: set[str] = set()
        self._named: set[int] = set()  # tags that already have an id

    def mark_text(self, spot: Spot, place: Place) -> None:
        """Adds a mark for a missing value, or an id around an existing one."""
        tag = _TEXT_OF.fullmatch(place.where)
        if tag is None or tag[1] in _BARE:
            return
        if spot.name not in self._values:
            named = f' id="slot-{spot.name}"' if spot.name not in self._placed else ""
            self._placed.add(spot.name)
            mark = f'<mark class="slot-to-come"{named}>{spot.name}</mark>'
            self.changes.append((spot.start, spot.end, mark))
        elif spot.name not in self._placed:
            before = self._template[max(0, spot.start - _LONGEST_TAG) : spot.start].rstrip()
            start = before.rfind("<")
            whole = _WHOLE_TAG.fullmatch(before[start:]) if start >= 0 else None
            offset = max(0, spot.start - _LONGEST_TAG) + start
            if whole and not _ID.search(whole[0]):
                self._name(spot.name, whole[1], offset)
            elif self._values[spot.name]:  # an anchor would stop an empty element from being empty
                self._placed.add(spot.name)
                self.changes.append((spot.start, spot.start, f'<a id="slot-{spot.name}"></a>'))

    def mark_tag(self, spot: Spot) -> None:
        """Adds an id to the element that shows an image."""
        begin = max(0, spot.start - _LONGEST_TAG)
        start = self._template.rfind("<", begin, spot.start)
        tag = _TAG.match(self._template, start) if start >= 0 else None
        if tag is None or spot.name in self._placed:
            return
        end = self._template.find(">", spot.end, spot.end + _LONGEST_TAG)
        if end > 0 and not _ID.search(self._template, start, end):
            self._name(spot.name, tag[1], start)

    def _name(self, name: str, tag: str, start: int) -> None:
        at = start + 1 + len(tag)
        if tag.lower() not in _UNSEEN and at not in self._named:
            self._named.add(at)
            self._placed.add(name)
            self.changes.append((at, at, f' id="slot-{name}"'))
