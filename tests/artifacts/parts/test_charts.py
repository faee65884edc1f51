"""Charts: well-formed, labelled, safe with hostile text, and to scale."""

from xml.etree.ElementTree import Element, fromstring

from artifacts.parts.charts import Bar, BarPart, Dot, Tick, Words, bars, columns, dots, shares_over_time
from tests.artifacts.materials import HOSTILE

WORDS = Words("one", "Pass rate", "Which passes more often.")
PERCENT = [Tick(0, "0 %"), Tick(0.5, "50 %"), Tick(1, "100 %")]


def parts_of(svg: str, kind: str) -> list[Element]:
    return [one for one in fromstring(svg).iter() if one.get("class") == kind]


def test_a_chart_is_an_image_with_a_title_and_a_description() -> None:
    root = fromstring(bars(WORDS, [Bar("a", "1", (BarPart(1, "ok"),))]))
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "one-title one-said"
    assert [root[0].get("id"), root[0].text] == ["one-title", "Pass rate"]
    assert [root[1].get("id"), root[1].text] == ["one-said", "Which passes more often."]


def test_hostile_text_stays_text() -> None:
    words = Words("one", HOSTILE, HOSTILE)
    for svg in (
        bars(words, [Bar(HOSTILE[:30], HOSTILE, (BarPart(1, "ok"),))]),
        dots(words, [Dot(HOSTILE[:30], HOSTILE, 0.5)], PERCENT),
        columns(words, [Bar(HOSTILE, "", (BarPart(1, "ok"),))]),
        shares_over_time(words, [Dot(HOSTILE, "", 0.5)]),
    ):
        names = {one.tag for one in fromstring(svg).iter()}
        assert names <= {"svg", "title", "desc", "text", "rect", "line", "circle"}
        assert " style=" not in svg


def test_the_parts_of_a_bar_lie_end_to_end() -> None:
    svg = bars(WORDS, [Bar("a", "4", (BarPart(3, "ok"), BarPart(0, "quiet"), BarPart(1, "bad")))], most=8)
    (passed,), (failed,) = parts_of(svg, "fill-ok"), parts_of(svg, "fill-bad")
    assert (passed.get("x"), passed.get("width")) == ("0%", "37.5%")
    assert (failed.get("x"), failed.get("width")) == ("37.5%", "12.5%")
    assert parts_of(svg, "fill-quiet") == []


def test_a_dot_has_its_whisker_where_its_interval_is() -> None:
    svg = dots(WORDS, [Dot("a", "50 %", 0.5, 0.25, 0.75), Dot("b", "unknown", None)], PERCENT)
    (dot,) = parts_of(svg, "dot")
    assert dot.get("cx") == "50%"
    assert (parts_of(svg, "whisker")[0].get("x1"), parts_of(svg, "whisker")[0].get("x2")) == ("25%", "75%")
    assert len(parts_of(svg, "whisker")) == 3


def test_a_day_without_a_value_is_a_gap() -> None:
    svg = shares_over_time(
        WORDS, [Dot("1", "", 0.5), Dot("2", "", None), Dot("3", "", 1.0), Dot("4", "", 0.0)]
    )
    assert len(parts_of(svg, "dot")) == 3
    assert len(parts_of(svg, "trend")) == 1


def test_a_long_label_is_shortened_and_nothing_is_divided_by_zero() -> None:
    (label,) = parts_of(bars(WORDS, [Bar("a" * 60, "0", (BarPart(0, "ok"),))]), "label")
    assert label.text == "a" * 33 + "…"
    assert bars(WORDS, [])
    assert columns(WORDS, [Bar("1", "", (BarPart(0, "ok"),))])
