"""The content of an artifact from its template and its rows."""

import pytest
from pytest_django import Settings

from artifacts.filling.templates import open_template, store_template
from artifacts.making import intake
from artifacts.making.content import fill
from artifacts.models import Artifact, ArtifactConfiguration
from dali.lib.errors import ConflictError
from dali.lib.objects.storage import named
from progressions.delivery import public_url
from progressions.models import ImageProgression
from projects.models import Project
from tests.factories import ProgressionFactory

pytestmark = pytest.mark.django_db
HTML = "\ufeff<title>{{TITLE}}</title>\r\n<img src={{HERO_IMAGE}} alt={{ALT}}><a href='{{LINK}}'>{{TITLE}}</a>{{ x }}"


@pytest.fixture
def draft(shown: Project) -> Artifact:
    template = store_template(content=HTML.encode(), name="page.html")
    return intake.draft_of_template(template_key=template.r2_key, project_ids=[shown.pk], title="Winter")


def choose(artifact: Artifact, **values: str) -> None:
    for name, value in values.items():
        ArtifactConfiguration.objects.update_or_create(
            artifact=artifact, config_key=name, defaults={"config_value": value}
        )


def page_of(artifact: Artifact) -> str:
    return named("published").read(fill(artifact).content_key).decode()


def test_the_page_is_filled_from_all_rows(draft: Artifact, shown: Project) -> None:
    image = ImageProgression.objects.filter(project=shown).first()
    assert image is not None
    address = public_url(image.generated_image_url)
    choose(draft, TITLE="Light & <dark>", HERO_IMAGE=address, ALT="", LINK="javascript:1")
    filled = fill(draft)
    assert named("published").read(filled.content_key).decode() == (
        f'<title>Light &amp; &lt;dark&gt;</title>\r\n<img src={address} alt="">'
        "<a href='#'>Light &amp; &lt;dark&gt;</a>{{ x }}"
    )
    manifest = filled.manifest
    assert manifest["progressions"] == [str(image.id)]
    assert manifest["template"] == draft.template_r2_key
    assert manifest["values"]["TITLE"] == "Light & <dark>"
    assert [one.partition(": ")[0] for one in filled.manifest["problems"]] == ["line 2", "line 2"]
    assert (manifest["generator"], manifest["answers"]) == ("", {"votes": (), "comments": False})


def test_the_same_rows_give_the_same_bytes_in_any_order_of_choice(draft: Artifact, shown: Project) -> None:
    choose(draft, TITLE="A", LINK="/x", ALT="y", HERO_IMAGE="")
    first = fill(draft)
    ArtifactConfiguration.objects.all().delete()
    choose(draft, HERO_IMAGE="", ALT="y", LINK="/x", TITLE="B")
    choose(draft, TITLE="A")
    assert fill(draft).content_key == first.content_key
    assert "B" not in page_of(draft)


def test_placeholders_without_a_choice_stay_visible(draft: Artifact) -> None:
    choose(draft, TITLE="A")
    assert "{{HERO_IMAGE}} alt={{ALT}}" in page_of(draft)


@pytest.mark.parametrize(
    "value", ["https://evil.test/a.webp", "//evil.test/a.webp", "javascript:1", "http://[", "x"]
)
def test_images_from_other_hosts_are_left_empty(draft: Artifact, value: str) -> None:
    choose(draft, TITLE="A", HERO_IMAGE=value, ALT="", LINK="")
    filled = fill(draft)
    assert '<img src="" alt="">' in named("published").read(filled.content_key).decode()
    assert [f"“{value}”" in problem for problem in filled.manifest["problems"]].count(True) == 1


def test_an_image_is_found_when_the_url_of_the_server_changes(
    draft: Artifact, shown: Project, settings: Settings
) -> None:
    image = ProgressionFactory(project=shown, generated_image_url="/images/" + "a" * 64 + ".webp")
    choose(draft, HERO_IMAGE=f"http://127.0.0.1:9999{image.generated_image_url}")
    settings.PUBLIC_ORIGIN = "https://dali.example.test"
    filled = fill(draft)
    assert f"src=https://dali.example.test{image.generated_image_url} " in page_of(draft)
    assert filled.manifest["progressions"] == [str(image.id)]


def test_images_of_other_projects_do_not_count_as_shown(draft: Artifact) -> None:
    other = ProgressionFactory(generated_image_url="/images/" + "b" * 64 + ".webp")
    choose(draft, HERO_IMAGE=public_url(other.generated_image_url))
    assert fill(draft).manifest["progressions"] == []


def test_an_artifact_without_a_template_is_refused(draft: Artifact) -> None:
    with pytest.raises(ConflictError, match="this artifact has no template"):
        fill(Artifact.objects.create(title="x", output="html", generator="lookbook"))
    named("templates").delete(draft.template_r2_key)
    with pytest.raises(
        ConflictError, match="can no longer be read; upload it again with POST /api/templates"
    ):
        open_template(draft)
