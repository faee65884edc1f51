"""Artifacts in the admin: their public address and their views."""

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from artifacts.models import Artifact, ArtifactConfiguration, ArtifactView, ProjectArtifact
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
