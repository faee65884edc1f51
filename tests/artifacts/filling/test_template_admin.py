"""Templates in the admin: uploaded, viewed, downloaded as text, and deleted while no artifact uses them."""

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from artifacts.filling.templates import store_template
from artifacts.models import Artifact, Template

pytestmark = pytest.mark.django_db

LIST = "/admin/artifacts/template/"
PAGE = b"<title>{{TITLE}}</title><script>{{NOT_HERE}}</script>"


def send(client: Client, content: bytes) -> Any:
    return client.post(f"{LIST}add/", {"file": SimpleUploadedFile("page.html", content)})


@pytest.fixture
def stored(db: None) -> Template:
    return store_template(content=PAGE, name="<b>.html")


def test_an_uploaded_file_becomes_a_template(admin_client: Client) -> None:
    assert admin_client.get(f"{LIST}add/").status_code == 200
    assert send(admin_client, PAGE).headers["Location"] == LIST
    assert send(admin_client, PAGE).headers["Location"] == LIST
    template = Template.objects.get()
    assert (template.name, template.placeholders) == ("page.html", ["TITLE"])


def test_an_invalid_file_is_refused_with_the_reason(admin_client: Client) -> None:
    page = send(admin_client, b"<p>hello</p>").content.decode()
    assert "file has no placeholder that can be filled; add some, such as {{TITLE}}." in page
    page = send(admin_client, PAGE + b" " * (1 << 20)).content.decode()
    assert "the limit is 1,048,576" in page
    assert Template.objects.count() == 0


def test_the_page_lists_the_placeholders_and_what_cannot_be_filled(
    admin_client: Client, stored: Template
) -> None:
    page = admin_client.get(f"{LIST}{stored.pk}/change/").content.decode()
    assert '<span class="word">TITLE</span>' in page
    assert "line 1: {{NOT_HERE}} is in &lt;script&gt; and is not filled" in page
    assert "&lt;b&gt;.html" in page
    assert 'name="_save"' not in page


@pytest.mark.parametrize("count", [1, 3])
def test_the_query_count_of_the_list_is_constant(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        store_template(content=PAGE + b" " * number, name=f"{number}.html")
    admin_client.get(LIST)
    with django_assert_num_queries(4):
        assert admin_client.get(LIST).status_code == 200


def test_the_link_to_artifacts_lists_only_those_of_the_template(
    admin_client: Client, stored: Template
) -> None:
    Artifact.objects.create(title="Mine", output="html", template_r2_key=stored.r2_key)
    Artifact.objects.create(title="Other", output="html")
    page = admin_client.get(f"/admin/artifacts/artifact/?template_r2_key__exact={stored.r2_key}")
    assert [artifact.title for artifact in page.context["cl"].result_list] == ["Mine"]
    assert f"?template_r2_key__exact={stored.r2_key}" in admin_client.get(LIST).content.decode()


def test_the_file_is_downloaded_as_text_and_never_rendered(admin_client: Client, stored: Template) -> None:
    answer = admin_client.get(f"{LIST}{stored.pk}/download/")
    assert answer.content == PAGE
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{stored.sha256[:12]}.html"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert admin_client.get(f"{LIST}01890000-0000-7000-8000-000000000000/download/").status_code == 404


def test_staff_without_permission_get_no_file(client: Client, stored: Template) -> None:
    client.force_login(User.objects.create_user("staff", is_staff=True))
    assert client.get(f"{LIST}{stored.pk}/download/").status_code == 404
    assert client.get(f"{LIST}add/").status_code == 403


def test_a_template_in_use_cannot_be_deleted(admin_client: Client, stored: Template) -> None:
    artifact = Artifact.objects.create(title="x", output="html", template_r2_key=stored.r2_key)
    assert admin_client.post(f"{LIST}{stored.pk}/delete/", {"post": "yes"}).status_code == 403
    artifact.delete()
    assert admin_client.post(f"{LIST}{stored.pk}/delete/", {"post": "yes"}).status_code == 302
    assert Template.objects.count() == 0
