"""`/api/templates`: what is accepted, what is refused and why, and the list."""

import hashlib
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from rest_framework.test import APIClient

from artifacts.filling.templates import store_template
from artifacts.models import Template
from dali.lib.clock import epoch_ms
from dali.lib.objects.storage import named
from tests.clients import anonymous, keyed, wrong
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db

PAGE = "<!doctype html>\r\n<title>{{TITLE}}</title><img src={{HERO_IMAGE}}><p>{{TITLE}} ünï {{ no }}</p>".encode()


def send(content: bytes, name: str = "page.html", client: APIClient | None = None) -> Any:
    file = SimpleUploadedFile(name, content, content_type="text/html")
    return (client or keyed()).post("/api/templates", {"file": file}, format="multipart")


def detail_of(answer: Any) -> str:
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["attr"]) == (400, "file")
    return str(error["detail"])


def test_a_template_is_stored_unchanged_and_its_placeholders_listed() -> None:
    answer = send(PAGE)
    template = Template.objects.get()
    digest = hashlib.sha256(PAGE).hexdigest()
    assert answer.status_code == 201
    assert answer.json() == {
        "templateR2Key": f"{digest}.html",
        "placeholders": ["TITLE", "HERO_IMAGE"],
        "name": "page.html",
        "bytes": len(PAGE),
        "problems": [
            (
                "line 2: “{{ no }}” is not a placeholder and is not filled;"
                " write {{NAME}}: at most 64 capitals, digits and _, starting with a capital"
            )
        ],
        "createdAt": epoch_ms(template.created_at),
    }
    assert named("templates").read(template.r2_key) == PAGE
    assert (template.sha256, len(template.owner_id)) == (digest, 8)


def test_the_template_key_makes_a_draft() -> None:
    project = ProjectFactory()
    key = send(PAGE).json()["templateR2Key"]
    body = {"templateR2Key": key, "title": "Winter", "projectIds": [str(project.pk)]}
    answer = keyed().post("/api/artifacts", body)
    assert (answer.status_code, answer.json()["status"], answer.json()["template_r2_key"]) == (
        201,
        "draft",
        key,
    )


def test_the_same_file_again_is_the_same_template() -> None:
    assert send(PAGE).json() == send(PAGE, "other.html").json()
    assert Template.objects.count() == 1


def test_templates_are_listed_newest_first_in_pages() -> None:
    keys = [send(PAGE + b" " * number).json()["templateR2Key"] for number in range(3)]
    first = anonymous().get("/api/templates?limit=2")
    assert [row["templateR2Key"] for row in first.json()] == [keys[2], keys[1]]
    rest = anonymous().get(first.headers["Link"].partition(">")[0].lstrip("<"))
    assert [row["templateR2Key"] for row in rest.json()] == [keys[0]]
    assert "Link" not in rest.headers


def test_a_byte_order_mark_is_accepted() -> None:
    answer = send(b"\xef\xbb\xbf" + PAGE)
    assert (answer.status_code, answer.json()["bytes"]) == (201, len(PAGE) + 3)


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b" \n", "file is empty; send an HTML page"),
        (b"<p>{{TITLE}}\xff</p>", "file is not UTF-8: byte 12 is 0xff; save it as UTF-8"),
        ("<p>{{TITLE}}</p>".encode("utf-16"), "file is not UTF-8: byte 0 is 0xff; save it as UTF-8"),
        (b"<p>{{TITLE}}</p>\x00", "file contains a NUL character at position 16; save it as UTF-8 text"),
        (b"{{TITLE}}", "file contains no HTML tag; send an HTML page"),
        (b"<p>hello</p>", "file has no placeholder that can be filled; add some, such as {{TITLE}}."),
        (
            b"<!-- {{TITLE}} --><p>",
            (
                "file has no placeholder that can be filled; add some, such as {{TITLE}}."
                " Found: line 1: {{TITLE}} is in a comment and is not filled."
            ),
        ),
        (
            "".join(f"<p>{{{{A{number}}}}}</p>" for number in range(201)).encode(),
            "file has 201 placeholders; the limit is 200",
        ),
        (b"<p>" + b"{{A}}" * 2001, "file uses placeholders 2,001 times; the limit is 2,000"),
        (
            b"<p>{{A}}" + b"".join(b"<b a%d>" % number for number in range(3000)) + b"</p>" + b"<p>x</p>" * 60_000,
            "file could become more than 2,000,000 elements: close its formatting tags (<b>, <i>, <a> ...)",
        ),
    ],
    ids=["empty", "latin 1", "utf-16", "nul", "no tag", "none", "hidden", "too many", "too often", "too heavy"],
)  # fmt: skip
def test_an_invalid_template_is_refused_with_the_reason(content: bytes, detail: str) -> None:
    answer = send(content)
    assert detail_of(answer) == detail
    assert Template.objects.count() == 0


def test_one_mebibyte_is_accepted_and_one_byte_more_is_413() -> None:
    largest = PAGE + b" " * ((1 << 20) - len(PAGE))
    assert send(largest).status_code == 201
    answer = send(largest + b" ")
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (413, "too_large")


def test_the_file_must_be_sent_in_a_form() -> None:
    assert detail_of(keyed().post("/api/templates", {"x": "y"}, format="multipart")) == (
        "file is missing; send the page as the part `file` of multipart/form-data"
    )
    assert keyed().post("/api/templates", {"file": "x"}, format="json").status_code == 415


def test_storing_needs_a_valid_key_and_listing_does_not() -> None:
    codes = [send(PAGE, client=client).status_code for client in (anonymous(), wrong(), keyed())]
    assert codes == [401, 401, 201]
    assert [client.get("/api/templates").status_code for client in (anonymous(), wrong(), keyed())] == [
        200,
        401,
        200,
    ]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/a.html", "a.html"),
        ("C:\\x\\b.html", "b.html"),
        ("a\tb\n.html", "a b .html"),
        ("x" * 300, "x" * 200),
    ],
)
def test_only_the_last_part_of_a_file_name_is_kept(name: str, kept: str) -> None:
    assert store_template(content=PAGE, name=name).name == kept


def test_seed_stores_the_examples_once(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("seed")
    call_command("seed")
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("Templates")]
    assert said == ["Templates: 3 made, 0 unchanged.", "Templates: 0 made, 3 unchanged."]
    names = [row["name"] for row in anonymous().get("/api/templates").json()]
    assert names == ["lookbook.html", "press.html", "proposal.html"]
