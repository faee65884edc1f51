"""Artifacts in the admin: what they show, who looked, and what can be done with them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from artifacts.models import Artifact, ArtifactConfiguration, ArtifactView, ProjectArtifact
from progressions.models import ImageProgression
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/artifacts/artifact/"


def make_artifact(
    title: str, slug: str | None = None, generator: str = "storyboard", views: int = 0
) -> Artifact:
    status = Artifact.Status.PUBLISHED if slug else Artifact.Status.DRAFT
    artifact = Artifact.objects.create(
        title=title, generator=generator, output="html", status=status, public_slug=slug
    )
    ProjectArtifact.objects.create(project=ProjectFactory(name="Harbour"), artifact=artifact)
    for _ in range(views):
        ArtifactView.objects.create(artifact=artifact, country="DE")
    return artifact


def test_a_published_artifact_has_its_link_and_the_number_of_its_views(admin_client: Client) -> None:
    artifact = make_artifact("Board", "board-x1", views=2)
    make_artifact("Lookbook", "look-x1", generator="lookbook")
    page = admin_client.get(LIST).content.decode()
    assert '<a href="/public/artifact/board-x1">board-x1</a>' in page
    assert '<a href="/public/lookbook/look-x1">look-x1</a>' in page
    assert f'<a href="/admin/artifacts/artifactview/?artifact__id__exact={artifact.pk}">2</a>' in page
    views = admin_client.get(f"/admin/artifacts/artifactview/?artifact__id__exact={artifact.pk}")
    assert views.context["cl"].result_count == 2


def test_a_draft_has_no_link(admin_client: Client) -> None:
    make_artifact("Draft")
    assert "/public/" not in admin_client.get(LIST).content.decode()


@pytest.mark.parametrize("count", [1, 3])
def test_the_list_asks_the_same_questions_however_long_it_is(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        make_artifact(f"Board {number}", f"slug-{number}", views=number)
    admin_client.get(LIST)
    with django_assert_num_queries(7):
        assert admin_client.get(LIST).status_code == 200


def test_an_artifact_is_retitled_and_nothing_else_is_changed(admin_client: Client) -> None:
    artifact = make_artifact("Old", "slug-1")
    form = {"title": "New", "status": "failed", "public_slug": "other"}
    for prefix in ("projectartifact_set", "configurations"):
        form |= {f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"}
    assert admin_client.post(f"{LIST}{artifact.pk}/change/", form).status_code == 302
    artifact.refresh_from_db()
    assert (artifact.title, artifact.status, artifact.public_slug) == ("New", "published", "slug-1")


def test_views_are_only_looked_at(admin_client: Client) -> None:
    view = make_artifact("Board", "slug-1", views=1).views.get()
    assert admin_client.get("/admin/artifacts/artifactview/add/").status_code == 403
    assert admin_client.get(f"/admin/artifacts/artifactview/{view.pk}/change/").status_code == 200
    answer = admin_client.post(f"/admin/artifacts/artifactview/{view.pk}/delete/", {"post": "yes"})
    assert answer.status_code == 403


@pytest.mark.parametrize("model", ["artifactview", "artifactconfiguration", "projectartifact"])
@pytest.mark.parametrize("count", [1, 3])
def test_the_lists_around_artifacts_ask_the_same_questions_however_long_they_are(
    admin_client: Client, django_assert_num_queries: DjangoAssertNumQueries, model: str, count: int
) -> None:
    for number in range(count):
        artifact = make_artifact(f"Board {number}", f"slug-{number}", views=1)
        ArtifactConfiguration.objects.create(artifact=artifact, config_key="theme", config_value="paper")
    with django_assert_num_queries(4):  # session, user, count, page
        assert admin_client.get(f"/admin/artifacts/{model}/").context["cl"].result_count == count


def messages_of(client: Client, address: str, form: dict[str, Any]) -> list[str]:
    answer = client.post(address, form, follow=True)
    return [str(message) for message in answer.context["messages"]]


def test_the_page_shows_the_images_the_files_and_the_public_address(
    admin_client: Client, publish: Callable[..., Artifact]
) -> None:
    artifact = publish()
    page = admin_client.get(f"{LIST}{artifact.pk}/change/").content.decode()
    for image in ImageProgression.objects.all():
        assert f'<img src="{image.generated_image_url}" alt="{image.prompt}"' in page
    assert f'href="/public/lookbook/{artifact.public_slug}"' in page
    assert "index.html" in page
    assert artifact.manifest["files"][0]["sha256"] in page
    assert "No views yet" in page


def test_views_are_charted_by_day_and_country_with_bots_apart(
    admin_client: Client, publish: Callable[..., Artifact]
) -> None:
    artifact = publish()
    now = timezone.now()
    for country, is_bot, days in (("DE", False, 0), ("DE", False, 3), ("", True, 3)):
        ArtifactView.objects.create(
            artifact=artifact,
            country=country,
            is_bot=is_bot,
            agent="Chrome",
            timestamp=now - timedelta(days=days),
        )
    page = admin_client.get(f"{LIST}{artifact.pk}/change/").content.decode()
    assert "2 by people, 1 by bots" in page
    assert "2 by people and 1 by bots in 4 days." in page
    assert "DE: 2, not known: 1." in page
    assert page.count('class="chart"') == 2


@pytest.mark.parametrize("count", [1, 30])
def test_the_page_asks_the_same_questions_however_many_looked(
    admin_client: Client,
    publish: Callable[..., Artifact],
    django_assert_num_queries: DjangoAssertNumQueries,
    count: int,
) -> None:
    artifact = publish()
    for number in range(count):
        ArtifactView.objects.create(artifact=artifact, country="DE", agent=f"tool {number}")
    admin_client.get(f"{LIST}{artifact.pk}/change/")  # what is remembered from then on is asked now
    with django_assert_num_queries(12):
        assert admin_client.get(f"{LIST}{artifact.pk}/change/").status_code == 200


def test_what_visitors_called_themselves_becomes_text(
    admin_client: Client, publish: Callable[..., Artifact]
) -> None:
    artifact = publish(title="<script>alert(1)</script>")
    ArtifactView.objects.create(artifact=artifact, country="<b", agent="<i>tool", user_agent="<script>x")
    for address in (f"{LIST}{artifact.pk}/change/", "/admin/artifacts/artifactview/", LIST):
        page = admin_client.get(address).content.decode()
        assert "<script>alert" not in page
        assert "<script>x" not in page
        assert "<i>tool" not in page


def test_a_page_is_taken_back_and_shown_again_by_its_buttons(
    admin_client: Client, publish: Callable[..., Artifact]
) -> None:
    artifact = publish()
    address = f"/public/lookbook/{artifact.public_slug}"
    assert messages_of(admin_client, f"{LIST}{artifact.pk}/unpublish/", {}) == [
        'Unpublished 1 artifact. Visitors now see "no longer available".'
    ]
    assert admin_client.get(address).status_code == 410
    assert messages_of(admin_client, f"{LIST}{artifact.pk}/publish/", {}) == ["Published 1 artifact."]
    assert admin_client.get(address).status_code == 200
    assert admin_client.get(f"{LIST}{artifact.pk}/unpublish/").status_code == 405


def test_a_rebuild_takes_in_what_was_made_since(
    admin_client: Client, publish: Callable[..., Artifact]
) -> None:
    artifact = publish()
    ImageProgression.objects.filter(prompt__endswith="2").delete()
    assert messages_of(admin_client, f"{LIST}{artifact.pk}/rebuild/", {}) == ["Rebuilt 1 artifact."]
    artifact.refresh_from_db()
    assert len(artifact.manifest["progressions"]) == 2


def test_a_long_rebuild_waits_for_a_worker(admin_client: Client, publish: Callable[..., Artifact]) -> None:
    artifact = publish("r2ArchiveManifest")
    Artifact.objects.filter(pk=artifact.pk).update(status="published", content_r2_key="k")
    assert messages_of(admin_client, f"{LIST}{artifact.pk}/rebuild/", {}) == [
        "Queued a rebuild of 1 artifact."
    ]


def test_actions_on_many_say_which_failed_and_why(
    admin_client: Client, publish: Callable[..., Artifact]
) -> None:
    good, draft = publish(), make_artifact("Draft", generator="")
    form = {"action": "publish", "_selected_action": [str(good.pk), str(draft.pk)]}
    assert messages_of(admin_client, LIST, form) == [
        "Draft: this artifact has no content yet: fill its template or rebuild it first",
        "Published 1 artifact.",
    ]


def test_those_who_may_only_look_change_nothing(client: Client, publish: Callable[..., Artifact]) -> None:
    artifact = publish()
    user = User.objects.create_user("looker", is_staff=True)
    user.user_permissions.add(Permission.objects.get(codename="view_artifact"))
    client.force_login(user)
    page = client.get(f"{LIST}{artifact.pk}/change/").content.decode()
    assert "/unpublish/" not in page
    said = messages_of(client, f"{LIST}{artifact.pk}/unpublish/", {})
    assert said == ["You don't have permission to change artifacts."]
    artifact.refresh_from_db()
    assert artifact.is_public
