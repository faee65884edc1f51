"""The studio's pages: who may open them, what they show, how a page begins, what a preview may do."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from artifacts.filling.templates import store_template
from artifacts.making import intake
from artifacts.models import Artifact, ArtifactConfiguration, Chat, ChatTurn, Template
from dali.lib.objects.storage import named
from projects.models import Project
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db

EXAMPLE = Path("fixtures/lookbook/template.html").read_bytes()
SMALL = b'<h1>{{TITLE}}</h1><img src="{{IMAGE}}" alt=""><script>alert(1)</script>'
Draft = Callable[..., Artifact]


@pytest.fixture
def draft() -> Draft:
    """A function that makes a draft of a template."""

    def make(content: bytes = SMALL, **filled: str) -> Artifact:
        template = store_template(content=content, name="small.html", owner="")
        project = ProjectFactory(name="Harbour")
        artifact = intake.draft_of_template(
            template_key=template.r2_key, project_ids=[project.pk], title="Winter light"
        )
        for name, value in filled.items():
            ArtifactConfiguration.objects.create(artifact=artifact, config_key=name, config_value=value)
        return artifact

    return make


def page_of(artifact: Artifact, more: str = "") -> str:
    """The address of the studio's page."""
    return f"/studio/artifacts/{artifact.pk}/{more}"


def data_of(answer: Any) -> dict[str, Any]:
    """What the page gives its script."""
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', answer.content.decode())
    assert found is not None
    data: dict[str, Any] = json.loads(found[1])
    return data


def turn(artifact: Artifact, session: str, number: int, **columns: Any) -> ChatTurn:
    """A message of a session."""
    chat, _ = Chat.objects.get_or_create(artifact=artifact, session_id=session)
    given = {"status": "done", "input": f"message {number}", "reply": f"reply {number}"}
    return ChatTurn.objects.create(chat=chat, number=number, **given | columns)


def test_others_than_staff_are_led_to_sign_in(client: Client, draft: Draft) -> None:
    artifact = draft()
    client.force_login(User.objects.create_user("visitor"))
    for address in ("/studio/", page_of(artifact), page_of(artifact, "preview")):
        for one in (Client(), client):
            answer = one.get(address)
            assert (answer.status_code, answer["Location"]) == (302, f"/admin/login/?next={address}")


def test_staff_who_may_not_change_artifacts_are_refused(client: Client, draft: Draft) -> None:
    user = User.objects.create_user("pat", is_staff=True)
    client.force_login(user)
    assert client.get(page_of(draft())).status_code == 403
    user.user_permissions.add(Permission.objects.get(codename="change_artifact"))
    assert client.get(page_of(draft())).status_code == 200


def test_a_page_that_no_template_makes_is_not_found(admin_client: Client, draft: Draft) -> None:
    generated = Artifact.objects.create(title="Board", generator="storyboard", output="html")
    lost = draft()
    named("templates").delete(lost.template_r2_key)
    artifacts = {
        generated: ("", "preview"),
        Artifact(title="none"): ("", "preview"),
        lost: ("preview",),
    }
    for artifact, parts in artifacts.items():
        for more in parts:
            assert admin_client.get(page_of(artifact, more)).status_code == 404


def test_the_list_has_templates_pages_and_where_they_are(admin_client: Client, draft: Draft) -> None:
    artifact = draft(TITLE="A <b>")
    Artifact.objects.create(title="A storyboard", generator="storyboard", output="html")
    page = admin_client.get("/studio/").content.decode()
    assert f'<a href="{page_of(artifact)}">Winter light</a>' in page
    assert "small.html, 1 of 2 filled &middot; Harbour" in page
    assert "A storyboard" not in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_the_same_questions_however_long_it_is(
    admin_client: Client, draft: Draft, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        draft(SMALL + bytes([65 + number]))
    admin_client.get("/studio/")
    with django_assert_num_queries(10):
        assert admin_client.get("/studio/").status_code == 200


def test_what_is_missing_to_begin_is_said(admin_client: Client) -> None:
    assert "No projects yet" in admin_client.get("/studio/").content.decode()
    ProjectFactory()
    assert "No templates yet" in admin_client.get("/studio/").content.decode()


def test_a_page_begins_by_the_form(admin_client: Client, admin_user: User) -> None:
    template = store_template(content=EXAMPLE, name="lookbook.html", owner="")
    first, second = ProjectFactory(), ProjectFactory()
    form = {"template": template.pk, "title": " Winter ", "projects": [str(second.pk), str(first.pk)]}
    answer = admin_client.post("/studio/", form)
    artifact = Artifact.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, page_of(artifact))
    assert (artifact.title, artifact.status, artifact.template_r2_key, artifact.owner_id) == (
        "Winter", "draft", template.r2_key, f"staff-{admin_user.pk}",
    )  # fmt: skip
    assert set(artifact.projects.all()) == {first, second}


@pytest.mark.parametrize("wrong", [{"title": ""}, {"title": "a" * 201}, {"projects": []}, {"template": "x"}])
def test_a_wrong_form_says_so_and_makes_nothing(admin_client: Client, wrong: dict[str, Any]) -> None:
    template = store_template(content=EXAMPLE, name="lookbook.html", owner="")
    form = {"template": template.pk, "title": "Winter", "projects": [str(ProjectFactory().pk)]}
    answer = admin_client.post("/studio/", form | wrong)
    assert answer.status_code == 200
    assert answer.content.decode().count("errorlist") == 1
    assert not Artifact.objects.exists()


def test_a_template_whose_file_is_gone_makes_nothing(admin_client: Client) -> None:
    template = store_template(content=EXAMPLE, name="lookbook.html", owner="")
    named("templates").delete(template.r2_key)
    form = {"template": template.pk, "title": "Winter", "projects": [str(ProjectFactory().pk)]}
    assert "is not a stored template" in admin_client.post("/studio/", form).content.decode()
    assert not Artifact.objects.exists()
    Template.objects.get()


def test_the_page_begins_a_talk_of_its_own_and_finds_it_again(
    admin_client: Client, admin_user: User, draft: Draft
) -> None:
    artifact = draft(TITLE="Fog")
    data = data_of(admin_client.get(page_of(artifact)))
    assert re.fullmatch(rf"studio\.{admin_user.pk}\.[\w-]{{16}}", data["sessionId"])
    assert (data["turns"], data["answer"], data["filled"]) == ([], {}, {"TITLE": "Fog"})
    assert data["slots"] == [{"name": "TITLE", "isImage": False}, {"name": "IMAGE", "isImage": True}]
    turn(artifact, "studio.999.of-somebody-else", 1)
    turn(artifact, data["sessionId"], 1, input="", answer={"choices": [], "done": False})
    again = data_of(admin_client.get(page_of(artifact)))
    assert again["sessionId"] == data["sessionId"]
    assert again["answer"] == {"choices": [], "done": False}
    assert again["turns"] == [{"number": 1, "input": "", "reply": "reply 1", "state": "done"}]


def test_a_certain_session_is_gone_on_with(admin_client: Client, draft: Draft) -> None:
    artifact = draft()
    turn(artifact, "s-1", 1)
    assert data_of(admin_client.get(page_of(artifact, "?session=s-1")))["turns"][0]["input"] == "message 1"
    assert data_of(admin_client.get(page_of(artifact, "?session=not%20one")))["sessionId"].startswith(
        "studio."
    )


def test_each_message_says_whether_an_answer_can_still_come(admin_client: Client, draft: Draft) -> None:
    artifact, now = draft(), timezone.now()
    turn(artifact, "s-1", 1)
    turn(artifact, "s-1", 2, status="failed", error="lost")
    turn(artifact, "s-1", 3, status="running", lease_until=now + timedelta(minutes=1))
    turn(artifact, "s-1", 4, status="running", lease_until=now - timedelta(seconds=1))
    turn(artifact, "s-1", 5, status="running")
    turn(artifact, "s-1", 6, status="queued")
    turn(artifact, "s-1", 7, status="queued", created_at=now - timedelta(minutes=2))
    turns = data_of(admin_client.get(page_of(artifact, "?session=s-1")))["turns"]
    assert [one["state"] for one in turns] == ["done", "lost", "waiting", "lost", "lost", "waiting", "lost"]


def test_what_is_written_cannot_leave_the_data_of_the_page(admin_client: Client, draft: Draft) -> None:
    artifact = draft(TITLE="</script><script>alert(1)</script>")
    turn(artifact, "s-1", 1, reply="</script><img src=x onerror=alert(1)>")
    answer = admin_client.get(page_of(artifact, "?session=s-1"))
    assert b"<script>alert" not in answer.content
    assert data_of(answer)["filled"] == {"TITLE": "</script><script>alert(1)</script>"}


def test_the_page_is_kept_by_nobody_and_shows_images_of_the_public_address(
    admin_client: Client, draft: Draft, settings: Settings
) -> None:
    settings.PUBLIC_ORIGIN = "https://dali.example"
    answer = admin_client.get(page_of(draft()))
    assert set(answer["Cache-Control"].split(", ")) == {"no-store", "private"}
    policy = answer["Content-Security-Policy"].split("; ")  # in any order
    assert {"img-src 'self' data: https://dali.example", "script-src 'self'"} <= set(policy)
    assert answer["X-Frame-Options"] == "DENY"


def test_tickets_are_asked_for_only_where_reading_needs_a_key(
    admin_client: Client, draft: Draft, settings: Settings
) -> None:
    artifact = draft()
    assert data_of(admin_client.get(page_of(artifact, "?session=s-1")))["tickets"] == ""
    settings.REQUIRE_KEY = "all"
    data = data_of(admin_client.get(page_of(artifact, "?session=s-1")))
    assert data["tickets"] == "/api/stream/s-1/tickets"


def test_a_preview_shows_the_rows_and_can_do_nothing(admin_client: Client, draft: Draft) -> None:
    answer = admin_client.get(page_of(draft(TITLE="<i>Fog</i>"), "preview"))
    page = answer.content.decode()
    assert '<h1 id="slot-TITLE">&lt;i&gt;Fog&lt;/i&gt;</h1>' in page
    assert 'src="/studio/slots/IMAGE.svg"' in page
    assert answer["Content-Security-Policy"] == (
        "sandbox; default-src 'none'; img-src 'self' data: http://testserver; style-src 'unsafe-inline'; "
        "font-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
    )
    assert (answer["X-Frame-Options"], answer["Cache-Control"]) == ("SAMEORIGIN", "no-store, private")


def test_the_picture_of_a_name_is_open_to_all_and_nothing_else_is_drawn(client: Client) -> None:
    answer = client.get("/studio/slots/HERO_IMAGE.svg")
    assert (answer.status_code, answer["Content-Type"]) == (200, "image/svg+xml")
    for name in ("hero", "A" * 65, "A%3Cscript%3E", "1A"):
        assert client.get(f"/studio/slots/{name}.svg").status_code == 404


def test_the_address_changes_with_what_is_published(admin_client: Client, draft: Draft) -> None:
    artifact = draft()
    assert data_of(admin_client.get(page_of(artifact)))["address"] == ""
    Artifact.objects.filter(pk=artifact.pk).update(
        status="published", content_r2_key="k", manifest={"files": [{"sha256": "0123456789abcdef"}]}
    )
    address = data_of(admin_client.get(page_of(artifact)))["address"]
    assert address == f"/public/artifact/{artifact.public_slug}?v=0123456789ab"
    Artifact.objects.filter(pk=artifact.pk).update(status="unpublished")
    assert data_of(admin_client.get(page_of(artifact)))["address"] == ""


def test_staff_talk_with_their_session_and_the_token_of_the_page(
    admin_user: User, draft: Draft, shown: Project
) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(admin_user)
    artifact = draft()
    page = client.get(page_of(artifact))
    token = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())[0]
    body, address = {"sessionId": "s-1", "input": ""}, data_of(page)["customize"]
    refused = client.post(address, body, content_type="application/json")
    assert (refused.status_code, ChatTurn.objects.count()) == (403, 0)
    answer = client.post(address, body, content_type="application/json", headers={"X-CSRFToken": token})
    assert answer.status_code == 200, answer.content
    assert answer.json()["remaining"] == ["TITLE", "IMAGE"]


def test_staff_who_may_not_change_artifacts_may_not_talk(client: Client, draft: Draft) -> None:
    client.force_login(User.objects.create_user("pat", is_staff=True))
    answer = client.post(
        f"/api/artifacts/{draft().pk}/customize", {"sessionId": "s-1"}, content_type="application/json"
    )
    assert answer.status_code == 401


def test_the_record_of_a_page_leads_to_the_studio(admin_client: Client, draft: Draft) -> None:
    artifact = draft()
    record = admin_client.get(f"/admin/artifacts/artifact/{artifact.pk}/change/").content.decode()
    assert f'<a class="button" href="{page_of(artifact)}">Fill in the studio</a>' in record
    generated = Artifact.objects.create(title="Board", generator="storyboard", output="html")
    record = admin_client.get(f"/admin/artifacts/artifact/{generated.pk}/change/").content.decode()
    assert "Fill in the studio" not in record
