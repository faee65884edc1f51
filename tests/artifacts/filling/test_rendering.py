"""Filling: each value is escaped for its context; the rest is unchanged; what cannot be filled is reported."""

import time

import pytest

from artifacts.filling.rendering import Rendered, render

NASTY = """</p><script>alert(1)</script> "it's" & {{B}}"""
SHOWN = "&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt; &quot;it&#39;s&quot; &amp; {{B}}"


def filled(html: str, **values: str) -> str:
    return render(html, values).text


def problems(html: str, **values: str) -> list[str]:
    return list(render(html, values).problems)


@pytest.mark.parametrize(
    "around",
    ["<p>%s</p>", "<title>%s</title>", "<textarea>%s</textarea>", '<p title="%s">', "<p title='%s'>",
     "<svg><text>%s</text></svg>", "<template><p>%s</p></template>", "<table>%s<tr></table>",
     '<meta name="description" content="%s">', '<p data-x="%s">'],
)  # fmt: skip
def test_text_and_quoted_attributes_show_the_value_unchanged(around: str) -> None:
    assert render(around % "{{A}}", {"A": NASTY, "B": "never"}) == Rendered(around % SHOWN, ())


def test_a_value_never_ends_an_unquoted_attribute() -> None:
    assert filled("<p title={{A}} class=x>", A="a b>c") == "<p title=a&#32;b&#62;c class=x>"
    assert filled("<p title={{A}} class=x>", A="") == '<p title="" class=x>'
    assert filled("<p title={{A}}{{B}} class=x>", A="", B="") == '<p title="" class=x>'
    assert filled("<p title={{A}}{{B}} class=x>", A="", B="y") == "<p title=y class=x>"
    assert filled("<p title={{A}}-y class=x>", A="") == "<p title=-y class=x>"
    assert filled('<p title="{{A}}">', A="") == '<p title="">'


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("https://example.test/a b?q=1&x=%20", "https://example.test/a%20b?q=1&amp;x=%20"),
        ("HTTP://example.test", "HTTP://example.test"),
        ("mailto:a@example.test", "mailto:a@example.test"),
        ("tel:+45 12", "tel:+45%2012"),
        ("/about", "/about"),
        ("example.test/über", "example.test/über"),
        ("", ""),
    ],
)
def test_links_accept_urls(value: str, written: str) -> None:
    assert render('<a href="{{LINK}}">', {"LINK": value}) == Rendered(f'<a href="{written}">', ())


@pytest.mark.parametrize(
    "value",
    ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\tscript:alert(1)", " \x01javascript:1", "data:text/html,x",
     "vbscript:x", "file:///etc/passwd", "blob:x"],
)  # fmt: skip
@pytest.mark.parametrize("attribute", ["href", "src", "formaction", "action", "xlink:href", "poster", "data"])
def test_other_schemes_are_removed(attribute: str, value: str) -> None:
    html = f'<svg></svg><video {attribute}="{{{{LINK}}}}">'
    made = render(html, {"LINK": value})
    assert made.text == f'<svg></svg><video {attribute}="#">'
    assert len(made.problems) == 1
    assert made.problems[0].startswith("line 1: {{LINK}} ")


def test_a_value_inside_a_url_cannot_change_its_structure() -> None:
    assert filled('<a href="https://x.test/{{A}}?q={{B}}#t">', A="../a", B="1&c=2") == (
        '<a href="https://x.test/..%2Fa?q=1%26c%3D2#t">'
    )
    assert filled('<a href="mailto:{{A}}">', A="a@x.test?bcc=b@x.test") == (
        '<a href="mailto:a@x.test%3Fbcc%3Db@x.test">'
    )
    assert filled('<a href="tel:{{A}}">', A="+45 12 34") == '<a href="tel:+451234">'


def test_two_values_together_cannot_make_a_forbidden_url() -> None:
    for html in ('<a href="{{A}}{{B}}">', '<a href="{{A}}:alert(1)">', "<a href='{{A}}script:alert(1)'>"):
        assert "java" not in filled(html, A="javascript", B=":alert(1)").replace("javascript%3A", "")


def test_a_value_may_be_the_scheme() -> None:
    assert render('<a href="{{A}}://x.test/{{B}}">', {"A": "https", "B": "b c"}) == Rendered(
        '<a href="https://x.test/b%20c">', ()
    )
    html = '<a href="{{A}}://x.test/{{B}}">'
    assert render(html, {"A": "javascript", "B": "b"}).text == html


def test_an_attribute_with_thousands_of_placeholders_is_filled_quickly() -> None:
    began = time.thread_time()
    for before in ('<a href="', "<a href=", '<img srcset="', "<p title="):
        for value in ("", "a b"):
            render(before + "{{A}}" * 2000 + "y" * 1_000_000, {"A": value})
            render(before + "y" * 1_000_000 + "{{A}}" * 2000, {"A": value})
    assert time.thread_time() - began < 20


def test_a_url_of_a_forbidden_kind_is_left_unfilled() -> None:
    html = """<a href="javascript:go('{{A}}')">"""
    assert render(html, {"A": "x"}) == Rendered(
        html, ("line 1: {{A}} is in a URL with the scheme javascript: and is not filled",)
    )


def test_images_are_filled_in_attributes_srcsets_and_styles() -> None:
    image = "https://img.test/a (1),b.webp"
    assert filled('<img src="{{IMAGE}}">', IMAGE=image) == '<img src="https://img.test/a%20(1),b.webp">'
    assert filled('<img srcset="{{IMAGE}} 2x">', IMAGE=image) == (
        '<img srcset="https://img.test/a%20(1)%2Cb.webp 2x">'
    )
    assert filled('<img srcset="{{IMAGE}} 2x">', IMAGE="") == '<img srcset="data:, 2x">'
    styled = "https://img.test/a%20\\000028" + "1\\000029\\00002cb.webp"
    assert filled("<style>a{b:url({{IMAGE}})}</style>", IMAGE=image) == f"<style>a{{b:url({styled})}}</style>"
    assert filled("""<p style="b:url('{{IMAGE}}')">""", IMAGE=image) == f"""<p style="b:url('{styled}')">"""
    assert filled("<p>{{IMAGE}}</p>", IMAGE="/images/a.webp") == "<p>/images/a.webp</p>"


@pytest.mark.parametrize(
    "value",
    ["javascript:1", "data:image/png;base64,x", "//evil.test/a", "a.webp", "ftp://x/a", "https:", "http://["],
)
def test_a_value_that_is_not_an_image_is_left_empty(value: str) -> None:
    assert render('<img src="{{IMAGE}}">', {"IMAGE": value}) == Rendered(
        '<img src="">', (f"IMAGE: “{value}” is not the URL of an image; left empty",)
    )


@pytest.mark.parametrize(
    ("html", "where"),
    [
        ("<script>{{A}}</script>", "<script>"),
        ("<style>{{A}}</style>", "a style, outside a url()"),
        ('<p style="color:{{A}}">', "a style, outside a url()"),
        ("<style>a{b:url({{A}})}</style>", "a style, which takes only images"),
        ('<p onclick="{{A}}">', "the attribute onclick of <p>"),
        ('<iframe srcdoc="{{A}}">', "the attribute srcdoc of <iframe>"),
        ('<iframe src="{{A}}">', "the attribute src of <iframe>"),
        ('<script src="{{A}}"></script>', "the attribute src of <script>"),
        ('<base href="{{A}}">', "the attribute href of <base>"),
        ('<link href="{{A}}">', "the attribute href of <link>"),
        ('<meta http-equiv="refresh" content="0;{{A}}">', "the attribute content of <meta>"),
        ('<svg><set attributeName="href" to="{{A}}">', "the attribute to of <set>"),
        ("<!-- {{A}} -->", "a comment"),
        ("<p {{A}}>", "the name of an attribute"),
        ("<{{A}}>", "the name of a tag"),
        ("</{{A}}>", "a place that browsers skip"),
        ("<!doctype {{A}}>", "a place that browsers skip"),
        ("<p id=x id={{A}}>", "a place that browsers skip"),
        ("<noscript><p>{{A}}</p></noscript>", "a place that browsers skip"),
        ("<xmp>{{A}}</xmp>", "<xmp>"),
        ("<svg><![CDATA[{{A}}]]></svg>", "a CDATA section"),
        ("<svg><style>{{A}}</style></svg>", "a style, outside a url()"),
    ],
)
def test_unsafe_contexts_are_left_unfilled_and_reported(html: str, where: str) -> None:
    assert render(html, {"A": "x"}) == Rendered(html, (f"line 1: {{{{A}}}} is in {where} and is not filled",))


def test_a_placeholder_that_another_could_turn_into_script_is_left_unfilled() -> None:
    html = "<{{A}} title='<script>{{B}}</script>'>"
    assert filled(html, A="x", B="alert(1)") == html


def test_a_value_cannot_complete_a_character_reference() -> None:
    assert filled("<p>&{{A}}</p>", A="lt;b") == "<p>&&#108;t;b</p>"
    assert filled("<p>&#{{A}}</p>", A="60;") == "<p>&#&#54;0;</p>"
    assert filled("<p>&{{A}}{{B}}</p>", A="l", B="t;") == "<p>&&#108;t;</p>"


def test_malformed_and_unknown_placeholders_are_reported_with_their_lines() -> None:
    html = "<p>{{A}}\n{{ title }} {{Title}}\n{{TITLE {{UNKNOWN}} {{1A}} {{}}</p>"
    made = render(html, {"A": "x", "OTHER": "y"})
    assert made.text == html.replace("{{A}}", "x")
    assert [one.partition(" is ")[0].partition(" has ")[0] for one in made.problems] == [
        "line 2: “{{ title }}”", "line 2: “{{Title}}”", "line 3: “{{TITLE {{UNKNOWN}} ”", "line 3: “{{1A}}”",
        "line 3: “{{}}”", "line 3: {{UNKNOWN}}",
    ]  # fmt: skip


def test_every_occurrence_is_filled_and_values_are_not_parsed_again() -> None:
    assert filled("<p>{{A}} {{A}} {{{A}}}</p>", A="{{A}}") == "<p>{{A}} {{A}} {{{A}}}</p>"
    assert problems("<p>{{A}} {{{A}}}</p>", A="x") == []


def test_characters_that_no_page_can_show_are_removed_from_values() -> None:
    assert filled("<p>{{A}}</p>", A="a\x00b\x1b\r\nc\ud800\u0085") == "<p>ab\nc</p>"
    assert filled("<p>{{A}}</p>", A=" \n\t ") == "<p></p>"


def test_line_endings_and_the_rest_of_the_template_are_unchanged() -> None:
    html = "\r\n<!DOCTYPE HTML>\r<P CLASS=a>{{A}}</p >\n\n&nbsp;&unknown; <br/>\r\n"
    assert filled(html, A="x") == html.replace("{{A}}", "x")
