"""Charts as SVG, built as an element tree so that no text can become markup.

A chart takes the available width: horizontal positions are percentages, heights and font sizes are pixels. Colours are
classes with rules in templates/artifacts/assets/charts.css. Each chart has a title and a description for screen
readers; the page adds a table with the same figures.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree.ElementTree import Element, SubElement, tostring

from django.utils.safestring import SafeString, mark_safe

from artifacts.parts.figures import Share

Tone = Literal["ok", "bad", "quiet", "accent", "soft", "pale"]

_ROW_PX = 52  # a row: its label, its mark, space
_BAR_PX = 14
_AXIS_PX = 26
_PLOT_PX = 180
_LONGEST_LABEL = 34


@dataclass(frozen=True, slots=True)
class Words:
    """A chart's name and description. `key`: unique on the page; letters and digits."""

    key: str
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Figure:
    """A chart with its context: artifacts/figure.html. `legend`: tone (or `mid`, `far`) and label.

    `rows`: the chart's figures as a table; the first cell of each row is its heading.
    """

    words: Words
    svg: SafeString
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    legend: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class BarPart:
    """A segment of a bar."""

    value: float
    tone: Tone


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of one or more segments. `said`: its value in words, at the right."""

    label: str
    said: str
    parts: tuple[BarPart, ...]

    @property
    def total(self) -> float:
        """Its whole length."""
        return sum(part.value for part in self.parts)


@dataclass(frozen=True, slots=True)
class Dot:
    """A value with its interval; an end is None if unknown. `far`: a second mark, further out."""

    label: str
    said: str
    value: float | None
    low: float | None = None
    high: float | None = None
    far: float | None = None


@dataclass(frozen=True, slots=True)
class Tick:
    """A line across the scale, at `value`."""

    value: float
    label: str


def ticks_to(most: float) -> tuple[float, ...]:
    """Round values from 0 to at least `most`, in four or five steps of 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return (0.0, 1.0)
    power = 10.0 ** math.floor(math.log10(most / 4))
    step = next(power * one for one in (1, 2, 5, 10) if power * one * 5 >= most)
    return tuple(step * place for place in range(math.ceil(most / step) + 1))


def bars(words: Words, rows: Sequence[Bar], most: float | None = None) -> SafeString:
    """Horizontal bars from 0; `most` is the full width, by default the longest bar."""
    full = most or max((row.total for row in rows), default=0) or 1
    svg = _canvas(words, len(rows) * _ROW_PX)
    for place, row in enumerate(rows):
        top = place * _ROW_PX
        _label(svg, row.label, row.said, top)
        _put(svg, "rect", "rail", x="0", y=_px(top + 24), width="100%", height=_px(_BAR_PX))
        start = 0.0
        for part in row.parts:
            if part.value > 0:
                across = {"x": _share(start, full), "width": _share(part.value, full)}
                _put(svg, "rect", f"fill-{part.tone}", **across, y=_px(top + 24), height=_px(_BAR_PX))
            start += part.value
    return _markup(svg)


def dots(words: Words, rows: Sequence[Dot], ticks: Sequence[Tick]) -> SafeString:
    """A dot per row with its interval as a whisker, on a scale from 0 to the last tick."""
    full = ticks[-1].value or 1
    height = len(rows) * _ROW_PX
    svg = _canvas(words, height + _AXIS_PX)
    for place, tick in enumerate(ticks):
        x = _share(tick.value, full)
        _put(svg, "line", "grid", x1=x, x2=x, y1="0", y2=_px(height))
        anchor = "start" if place == 0 else "end" if place == len(ticks) - 1 else "middle"
        _text(svg, tick.label, "tick", x=x, y=_px(height + 17), **{"text-anchor": anchor})
    for place, row in enumerate(rows):
        top = place * _ROW_PX
        _label(svg, row.label, row.said, top)
        _dot(svg, row, full, top + 31)
    return _markup(svg)


def shares(words: Words, rows: Sequence[Dot]) -> SafeString:
    """Like `dots`, on a scale from 0 to 100 %."""
    return dots(words, rows, [Tick(place / 4, f"{place * 25} %") for place in range(5)])


def pass_rates(
    words: Words,
    heading: str,
    rates: Sequence[tuple[str, Share]],
    draw: Callable[[Words, Sequence[Dot]], SafeString] = shares,
) -> Figure:
    """Labelled pass rates with their intervals. `heading`: of the table's first column, the labels."""
    drawn = [
        Dot(label, f"{rate.percent} of {rate.whole}", rate.share, rate.low, rate.high)
        if rate.whole
        else Dot(label, "not judged", None)
        for label, rate in rates
    ]
    head = (heading, "Judged", "Passed", "Pass rate", "95 % interval")
    rows = tuple(
        (label, str(rate.whole), str(rate.part), rate.percent, rate.interval) for label, rate in rates
    )
    return Figure(words, draw(words, drawn), head, rows, (("mid", "pass rate, with its interval"),))


def _dot(svg: Element, row: Dot, full: float, y: int) -> None:
    if row.value is None:
        return
    low, high = (row.value if end is None else end for end in (row.low, row.high))
    if row.far is not None:
        _put(svg, "line", "reach", x1=_share(high, full), x2=_share(row.far, full), y1=_px(y), y2=_px(y))
        _put(svg, "circle", "ring", cx=_share(row.far, full), cy=_px(y), r="4")
    _put(svg, "line", "whisker", x1=_share(low, full), x2=_share(high, full), y1=_px(y), y2=_px(y))
    for end in (row.low, row.high):
        if end is not None:
            x = _share(end, full)
            _put(svg, "line", "whisker", x1=x, x2=x, y1=_px(y - 5), y2=_px(y + 5))
    _put(svg, "circle", "dot", cx=_share(row.value, full), cy=_px(y), r="5.5")


def columns(words: Words, rows: Sequence[Bar]) -> SafeString:
    """A stacked column per point in time; the first, last and highest are labelled."""
    full = max((row.total for row in rows), default=0) or 1
    svg = _canvas(words, _PLOT_PX + _AXIS_PX)
    _ground(svg, [row.label for row in rows], f"{full:g}")
    slot = 100 / max(1, len(rows))
    for place, row in enumerate(rows):
        level = float(_PLOT_PX)
        for part in row.parts:
            height = part.value / full * (_PLOT_PX - 20)
            level -= height
            if height > 0:
                across = {"x": _percent(place * slot + slot * 0.1), "width": _percent(slot * 0.8)}
                _put(svg, "rect", f"fill-{part.tone}", **across, y=_px(level), height=_px(height))
    return _markup(svg)


def shares_over_time(words: Words, rows: Sequence[Dot]) -> SafeString:
    """A share from 0 to 1 per point in time, as a line with intervals; a missing value is a gap."""
    svg = _canvas(words, _PLOT_PX + _AXIS_PX)
    _ground(svg, [row.label for row in rows], "100 %")
    before: tuple[str, str] | None = None
    for place, row in enumerate(rows):
        if row.value is None:
            before = None
            continue
        x = _percent((place + 0.5) * 100 / len(rows))
        y = _height(row.value)
        if row.low is not None and row.high is not None:
            _put(svg, "line", "whisker", x1=x, x2=x, y1=_height(row.low), y2=_height(row.high))
        if before is not None:
            _put(svg, "line", "trend", x1=before[0], y1=before[1], x2=x, y2=y)
        _put(svg, "circle", "dot", cx=x, cy=y, r="5")
        before = x, y
    return _markup(svg)


def _height(share: float) -> str:
    return _px(_PLOT_PX - share * (_PLOT_PX - 20))


def _ground(svg: Element, labels: Sequence[str], top: str) -> None:
    for y in (20, (_PLOT_PX + 20) / 2, _PLOT_PX):
        _put(svg, "line", "grid", x1="0", x2="100%", y1=_px(y), y2=_px(y))
    _text(svg, top, "tick", x="0", y="13")
    for label, x, anchor in ((labels[0], "0", "start"), (labels[-1], "100%", "end"))[: len(set(labels))]:
        _text(svg, label, "tick", x=x, y=_px(_PLOT_PX + 17), **{"text-anchor": anchor})


def _canvas(words: Words, height: int) -> Element:
    title, description = f"{words.key}-title", f"{words.key}-said"
    svg = Element(
        "svg",
        {
            "class": "chart",
            "role": "img",
            "aria-labelledby": f"{title} {description}",
            "width": "100%",
            "height": _px(height),
        },
    )
    SubElement(svg, "title", id=title).text = words.title
    SubElement(svg, "desc", id=description).text = words.description
    return svg


def _label(svg: Element, label: str, said: str, top: int) -> None:
    short = label if len(label) <= _LONGEST_LABEL else f"{label[: _LONGEST_LABEL - 1].rstrip()}…"
    _text(svg, short, "label", x="0", y=_px(top + 16))
    _text(svg, said, "said", x="100%", y=_px(top + 16), **{"text-anchor": "end"})


def _put(svg: Element, name: str, kind: str, **places: str) -> Element:
    return SubElement(svg, name, {"class": kind, **places})


def _text(svg: Element, words: str, kind: str, **places: str) -> None:
    _put(svg, "text", kind, **places).text = words


def _share(value: float, full: float) -> str:
    return _percent(min(1.0, max(0.0, value / full)) * 100)


def _percent(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".") + "%"


def _px(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _markup(svg: Element) -> SafeString:
    return mark_safe(tostring(svg, encoding="unicode"))  # noqa: S308 - a tree of elements, written by ElementTree
