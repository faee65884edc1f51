"""Finds where placeholders are in a page, as a browser sees it.

Each placeholder is replaced by a unique word (its mark). An HTML Standard parser parses the page; where the mark
is in the tree is where a value would be. The tree decides, never a pattern over the source.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum

import turbohtml
from turbohtml import Comment, Element, Node, Text

from artifacts.filling.syntax import Spot

ALLOWED_SCHEMES = frozenset({"http", "https", "mailto", "tel"})
_SCHEME = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.\-]*):")
_CDATA = re.compile(r"<!\[CDATA\[.*?(?:\]\]>|\Z)", re.DOTALL)
_NEWLINE = re.compile(r"\r\n?")
_MOST_ROUNDS = 8

_ADDRESSES = frozenset(
    {"action", "background", "cite", "data", "dynsrc", "formaction", "href", "icon", "longdesc", "lowsrc", "poster",
     "src", "usemap", "xlink:href"}
)  # fmt: skip
_CANDIDATES = frozenset({"srcset", "imagesrcset"})
# Values in these could change what the template's author decided.
_POWERFUL = frozenset(
    {"allow", "archive", "attributename", "attributionsrc", "charset", "classid", "codebase", "csp", "http-equiv",
     "integrity", "is", "manifest", "nonce", "ping", "profile", "sandbox", "shadowrootmode", "srcdoc", "xml:base"}
)  # fmt: skip
# These load or run what they name, or change what others mean; only their harmless attributes are filled.
_POWERFUL_TAGS = frozenset(
    {"animate", "animatecolor", "animatemotion", "animatetransform", "applet", "base", "discard", "embed",
     "fencedframe", "frame", "frameset", "handler", "iframe", "link", "listener", "object", "param",
     "portal", "script", "set", "style", "use"}
)  # fmt: skip
_HARMLESS = frozenset({"alt", "class", "height", "id", "lang", "title", "width"})
_RAW = frozenset({"iframe", "noembed", "noframes", "noscript", "plaintext", "script", "style", "xmp"})


class ValueKind(Enum):
    """What a value becomes part of."""

    TEXT = "text"
    ATTRIBUTE = "attribute"
    ADDRESS = "address"  # a whole URL, or the start of one
    ADDRESS_PART = "address part"  # after other parts of a URL
    CANDIDATE = "candidate"  # one of the URLs of a srcset
    STYLE_ADDRESS = "style address"  # the whole of a url() in a style
    LEFT = "left"  # not filled; `where` says why


@dataclass(frozen=True, slots=True)
class Place:
    """The place of one placeholder. `where`: in words.

    `value`: the whole attribute, decoded, with marks. `is_quoted`: whether it has quotes. `scheme`: the URL scheme
    that the template itself gives.
    """

    kind: ValueKind
    where: str = ""
    value: str = ""
    is_quoted: bool = False
    scheme: str = ""


LOST = Place(ValueKind.LEFT, "a place that browsers skip")
UNSURE = Place(ValueKind.LEFT, "a place that another placeholder changes")


@dataclass(frozen=True, slots=True)
class Marks:
    """The marks of one page: `word(5)` is the mark of placeholder 5."""

    stem: str

    @classmethod
    def for_page(cls, html: str) -> "Marks":
        """Marks from a stem that does not occur in the page; always the same for the same page."""
        lower, stem = html.lower(), ""
        digest = hashlib.sha256(html.encode("utf-8", "surrogatepass")).hexdigest()
        while not stem or stem in lower:
            stem = f"q{digest[:12]}"
            digest = hashlib.sha256(digest.encode()).hexdigest()
        return cls(stem)

    def word(self, number: int) -> str:
        """Lower-case letters and digits only, so that no context changes it."""
        return f"{self.stem}x{number}x"

    @property
    def pattern(self) -> re.Pattern[str]:
        """Finds marks; group 1 is the number."""
        return re.compile(self.stem + r"x(\d+)x")


def scheme_of(address: str) -> str:
    """The scheme that a browser reads in a URL, in lower case; empty for a relative URL."""
    found = _SCHEME.match(re.sub(r"[\t\r\n]", "", address))
    return found[1].lower() if found else ""


def find_places(html: str, spots: Sequence[Spot], blank: Collection[int] = ()) -> list[Place]:
    """The place of each placeholder; `blank`: the numbers of those with an empty value.

    Placeholders that are not filled, and empty text, can change how the rest is parsed: the page is parsed
    again with these as they will be, until nothing changes.
    """
    marks = Marks.for_page(html)
    fixed: dict[int, Place] = {}
    before: Mapping[int, Place] = {}
    for _ in range(_MOST_ROUNDS):
        probe = _probe(html, spots, marks, fixed)
        found = _read(probe, marks, is_scripting=True)
        if "<noscript" in probe.lower():
            other = _read(probe, marks, is_scripting=False)
            found = {n: place for n, place in found.items() if n in other and other[n].kind is place.kind}
        found = _outside_cdata(html, spots, found)
        changed = dict(fixed)
        for number, spot in enumerate(spots):
            if number in fixed:
                continue
            place = _for_kind_of_value(spot, found.get(number, LOST))
            if number in before and not _is_alike(before[number], place):
                place = UNSURE
            if place.kind is ValueKind.LEFT or (place.kind is ValueKind.TEXT and number in blank):
                changed[number] = place
            found[number] = place
        if len(changed) == len(fixed):
            return [fixed.get(number) or found[number] for number in range(len(spots))]
        fixed, before = changed, found
    return [UNSURE] * len(spots)


def _is_alike(one: Place, other: Place) -> bool:
    return (one.kind, one.where, one.is_quoted) == (other.kind, other.where, other.is_quoted)


def _probe(html: str, spots: Sequence[Spot], marks: Marks, fixed: Mapping[int, Place]) -> str:
    parts, at = [], 0
    for number, spot in enumerate(spots):
        parts.append(html[at : spot.start])
        place = fixed.get(number)
        if place is None:
            parts.append(marks.word(number))
        elif place.kind is ValueKind.LEFT:
            parts.append(html[spot.start : spot.end])
        at = spot.end
    return _NEWLINE.sub("\n", "".join([*parts, html[at:]]))


def _for_kind_of_value(spot: Spot, place: Place) -> Place:
    if place.kind is ValueKind.STYLE_ADDRESS and not spot.is_image:
        return Place(ValueKind.LEFT, "a style, which takes only images")
    return place


def _outside_cdata(html: str, spots: Sequence[Spot], found: dict[int, Place]) -> dict[int, Place]:
    """Character references have no meaning in a CDATA section, so nothing can be escaped there."""
    sections = [section.span() for section in _CDATA.finditer(html)]
    starts = [start for start, _ in sections]
    outside = {}
    for number, place in found.items():
        at = bisect_right(starts, spots[number].start) - 1
        is_inside = at >= 0 and spots[number].start < sections[at][1]
        outside[number] = Place(ValueKind.LEFT, "a CDATA section") if is_inside else place
    return outside


def _read(probe: str, marks: Marks, *, is_scripting: bool) -> dict[int, Place]:
    """The places of all marks in the tree. If a mark occurs twice, the more restrictive place counts."""
    tree = turbohtml.parse(
        probe, scripting=is_scripting, source_locations=True, allow_declarative_shadow_roots=False
    )
    pattern, found = marks.pattern, {}
    for node in tree.descendants:
        for number, place in _places_of(node, probe, marks, pattern):
            if number not in found or place.kind is ValueKind.LEFT:
                found[number] = place
    return found


def _places_of(node: Node, probe: str, marks: Marks, pattern: re.Pattern[str]) -> Iterator[tuple[int, Place]]:
    if isinstance(node, Element):
        yield from _in_tag(node, probe, marks, pattern)
    elif isinstance(node, Text):
        if marks.stem in node.data:
            for mark in pattern.finditer(node.data):
                yield int(mark[1]), _in_text(node.parent, node.data, mark)
    elif isinstance(node, Comment):
        for mark in pattern.finditer(node.data):
            yield int(mark[1]), Place(ValueKind.LEFT, "a comment")


def _in_text(parent: object, text: str, mark: re.Match[str]) -> Place:
    tag = parent.tag.lower() if isinstance(parent, Element) else ""
    if tag == "style":
        return _in_style(text, mark, where="a style")
    if tag in _RAW:
        return Place(ValueKind.LEFT, f"<{tag}>")
    return Place(ValueKind.TEXT, f"the text of <{tag}>")


def _in_style(text: str, mark: re.Match[str], *, where: str) -> Place:
    before = re.search(r"url\(\s*(['\"]?)\Z", text[max(0, mark.start() - 20) : mark.start()], re.IGNORECASE)
    after = re.match(r"(['\"]?)\s*\)", text[mark.end() : mark.end() + 20])
    if before and after and before[1] == after[1]:
        return Place(ValueKind.STYLE_ADDRESS, where)
    return Place(ValueKind.LEFT, f"{where}, outside a url()")


def _in_tag(
    element: Element, probe: str, marks: Marks, pattern: re.Pattern[str]
) -> Iterator[tuple[int, Place]]:
    for mark in pattern.finditer(element.tag):
        yield int(mark[1]), Place(ValueKind.LEFT, "the name of a tag")
    for name in element.attrs:
        for mark in pattern.finditer(name):
            yield int(mark[1]), Place(ValueKind.LEFT, "the name of an attribute")
        value = element.attr(name) or ""
        if marks.stem not in value:
            continue
        is_quoted = _has_quotes(element, name.lower(), probe)
        head = value.partition(marks.stem)[0]
        for mark in pattern.finditer(value):
            place = _in_attribute(element, name.lower(), value, mark, head)
            yield int(mark[1]), replace(place, is_quoted=is_quoted)


def _has_quotes(element: Element, name: str, probe: str) -> bool:
    """Whether the attribute's value has quotes; False if that cannot be determined."""
    location = element.source_location
    span = location.attrs.get(name) if location else None
    if span is None:
        return False
    written = probe[span.start_offset : span.end_offset]
    return written.partition("=")[2].lstrip()[:1] in {'"', "'"}


def _in_attribute(element: Element, name: str, value: str, mark: re.Match[str], head: str) -> Place:
    """The place inside an attribute; `head`: the text before its first mark."""
    tag = element.tag.lower()
    where = f"the attribute {name} of <{tag}>"
    if name == "style":
        return _in_style(value, mark, where="a style")
    if _is_powerful(element, tag, name):
        return Place(ValueKind.LEFT, where)
    start = mark.start()
    if name in _CANDIDATES:
        is_first = start == 0 or value[start - 1] in ", \t\n\f"
        return Place(ValueKind.CANDIDATE if is_first else ValueKind.ADDRESS_PART, where, value)
    if name not in _ADDRESSES:
        return Place(ValueKind.ATTRIBUTE, where, value)
    if start == len(head) and not head.strip("\x00\t\n\f\r "):
        return Place(ValueKind.ADDRESS, where, value)
    scheme = scheme_of(head)
    if scheme and scheme not in ALLOWED_SCHEMES:
        return Place(ValueKind.LEFT, f"a URL with the scheme {scheme}:")
    return Place(ValueKind.ADDRESS_PART, where, value, scheme=scheme)


def _is_powerful(element: Element, tag: str, name: str) -> bool:
    if name.startswith(("on", "xmlns")) or name in _POWERFUL:
        return True
    if tag == "meta" and element.attr("http-equiv") is not None:
        return True
    return tag in _POWERFUL_TAGS and name not in _HARMLESS
