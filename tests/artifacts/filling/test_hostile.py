"""Whatever a template and its values contain, a value never becomes an element, a handler or a script."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from artifacts.filling.escaping import cleaned
from artifacts.filling.placeholders import read
from artifacts.filling.rendering import render
from tests.artifacts.filling.shapes import leads_to, shape_of

NAMES = ("A", "B", "C", "IMAGE_1", "IMAGE_2")
PIECES = [
    *(f"{{{{{name}}}}}" for name in NAMES * 2),
    "<", ">", "</", "/>", '"', "'", "=", " ", "\n", "\r\n", "`", "&", "&#", "&#x", ";", "&lt", "&Tab", ":",
    "//", "{", "{{", "}}", "<p>", "</p>", "<p ", "<p title=", '<p title="', "<a href=", '<a href="',
    "<a href='", "</a>", "<img src=", '<img srcset="', "<script>", "</script>", "<style>", "</style>",
    "<title>", "</title>", "<textarea>", "</textarea>", "<xmp>", "</xmp>", "<noscript>", "</noscript>",
    "<iframe>", "</iframe>", "<template>", "</template>", "<svg>", "</svg>", "<math>", "<mtext>",
    "<foreignObject>", "<desc>", "<select>", "<option>", "<table>", "<tr>", "<td>", "<colgroup>",
    "<frameset>", "<head>", "</head>", "<body>", "</body>", "<b>", "</b>", "<!--", "-->", "<![CDATA[",
    "]]>", "<!doctype ", "<?", " onclick=", ' onclick="', ' style="', "url(", "url('", ")", "a{b:", "}",
    "javascript:", "data:text/html,", "https://x.test/", "mailto:", "?q=", "x", "1",
    "<meta http-equiv=refresh content=", "<base href=", "<animate to=", "<a xlink:href=", " href=", " src=",
    "<annotation-xml>",
]  # fmt: skip
VALUES = [
    "", " ", "a", "zz", "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>",
    '" onclick="alert(1)', "' onclick='1", "x onclick=alert(1)", "-->", "]]>", "</style>", "</title>",
    "{{A}}", "{{B}}", "javascript:alert(1)", "JaVa\tScript:alert(1)", "\x01javascript:1",
    "data:text/html,<script>1</script>", "vbscript:1", "lt;", "#60;", "x3c;", "Tab;", "colon;", "=", ">",
    "<", "/", "//evil.test", "/images/a.webp", "https://x.test/a (1).webp",
    "https://x.test/');x:url('https://evil.test", "\\", "`", "\n", "\r", "\x00", 'http://x/"onload=1',
    "https://x/*", "&amp;", "&lt;", "é", "\ud800", "!--", "script", "a b", "alert(1)//",
]  # fmt: skip

templates = st.lists(st.sampled_from(PIECES), min_size=1, max_size=24).map("".join)
hostile = st.one_of(st.sampled_from(VALUES), st.text(max_size=12))


def tame(value: str, name: str) -> str:
    """A harmless value, empty where the hostile one is empty."""
    if "IMAGE" in name:
        return "/i" if value else ""
    return "w" if value else ""


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(templates, st.fixed_dictionaries(dict.fromkeys(NAMES, hostile)))
def test_a_hostile_value_changes_only_the_visible_text(template: str, values: dict[str, str]) -> None:
    made = render(template, values)
    shown = dict(values)
    for name, value in values.items():  # a refused value is empty in the harmless page too
        if any(problem.startswith(f"{name}: ") for problem in made.problems) or not cleaned(value):
            shown[name] = ""
    plain = render(template, {name: tame(value, name) for name, value in shown.items()})
    for is_scripting in (True, False):
        assert shape_of(made.text, is_scripting=is_scripting) == shape_of(
            plain.text, is_scripting=is_scripting
        )
    assert leads_to(made.text) - leads_to(plain.text) <= {"http", "https", "mailto", "tel"}


@settings(max_examples=200, deadline=None, derandomize=True)
@given(templates)
def test_every_placeholder_that_is_read_can_be_filled(template: str) -> None:
    page = read(template)
    made = render(template, {placeholder.name: "/v" for placeholder in page.placeholders})
    assert made == render(template, {placeholder.name: "/v" for placeholder in page.placeholders})
