"""`manage.py rebuild_artifacts`."""

import io
from collections.abc import Callable

import pytest
from django.core.management import CommandError, call_command

from artifacts.making import building
from artifacts.models import Artifact
from dali.lib.errors import UnavailableError
from dali.lib.objects.storage import named
from projects.models import Project
from tests.factories import ProjectFactory

pytestmark = pytest.mark.django_db


def rebuild(**options: object) -> str:
    """The output of the command."""
    out = io.StringIO()
    call_command("rebuild_artifacts", stdout=out, stderr=io.StringIO(), **options)
    return out.getvalue()


def test_changed_artifacts_are_rebuilt_and_the_rest_is_up_to_date(
    publish: Callable[..., Artifact], shown: Project
) -> None:
    artifact = publish()
    assert rebuild() == "1 checked: 0 rebuilt, 1 unchanged, 0 failed.\n"
    Project.objects.filter(pk=shown.pk).update(description="For the spring campaign.")
    assert rebuild() == "1 checked: 1 rebuilt, 0 unchanged, 0 failed.\n"
    artifact.refresh_from_db()
    assert b"spring" in named("published").read(artifact.content_r2_key)


def test_only_the_named_artifacts_are_checked(publish: Callable[..., Artifact], shown: Project) -> None:
    publish()
    other = ProjectFactory()
    for options, count in (
        ({"generator": "lookbook"}, 1),
        ({"since": "2999-01-01"}, 0),
        ({"since": "2020-01-01"}, 1),
        ({"project": str(shown.pk)}, 1),
        ({"project": str(other.pk)}, 0),
    ):
        assert rebuild(**options).startswith(f"{count} checked"), options


def test_an_artifact_that_cannot_be_rebuilt_keeps_its_content(
    publish: Callable[..., Artifact], shown: Project
) -> None:
    artifact = publish()
    shown.progressions.all().delete()
    with pytest.raises(CommandError, match="1 could not be rebuilt"):
        rebuild()
    artifact.refresh_from_db()
    assert artifact.status == Artifact.Status.PUBLISHED
    assert "no images yet" in artifact.error
    assert named("published").read(artifact.content_r2_key)


def test_a_storage_failure_is_reported_to_the_operator_but_not_to_clients(
    publish: Callable[..., Artifact], monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise UnavailableError("The storage cannot be reached; try again.", reason="the bucket 'x' hangs")

    artifact = publish()
    monkeypatch.setattr(building, "store", away)
    said = io.StringIO()
    with pytest.raises(CommandError, match="1 could not be rebuilt"):
        call_command("rebuild_artifacts", stdout=io.StringIO(), stderr=said)
    assert "the bucket 'x' hangs" in said.getvalue()
    artifact.refresh_from_db()
    assert artifact.error == "The storage cannot be reached; try again."


@pytest.mark.parametrize("options", [{"generator": "nope"}, {"since": "yesterday"}, {"project": "nope"}])
def test_invalid_arguments_are_refused(options: dict[str, str]) -> None:
    with pytest.raises(CommandError, match=next(iter(options.values()))):
        rebuild(**options)
