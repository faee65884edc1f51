"""The text model that DEFAULT_MODEL_REASONING names."""

from collections.abc import Iterator

import pytest
from pytest_django.fixtures import Settings

from progressions.text_model import NoTextModelError, text_model_in_use, text_models
from tests.progressions.fake_models import FakeTextModel


@pytest.fixture(autouse=True)
def _fake() -> Iterator[None]:
    with text_models.register_temporarily(FakeTextModel()):
        yield


@pytest.mark.parametrize(
    ("named", "service", "model"),
    [
        ("fake:writer-1", "fake", "writer-1"),
        ("writer-2", "fake", "writer-2"),
        (" fake: gpt-5 ", "fake", "gpt-5"),
        ("fake:llama3:8b", "fake", "llama3:8b"),
        ("writer-3:8b", "fake", "writer-3:8b"),
    ],
)
def test_a_model_is_found_with_or_without_its_service(
    named: str, service: str, model: str, settings: Settings
) -> None:
    settings.DEFAULT_MODEL_REASONING = named
    found = text_model_in_use()
    assert found is not None
    assert (found[0].name, found[1]) == (service, model)


def test_no_model_is_in_use_when_none_is_named(settings: Settings) -> None:
    settings.DEFAULT_MODEL_REASONING = "  "
    assert text_model_in_use() is None


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("llama3:8b", "'llama3:8b' does not name a known service; set it to one of: fake:MODEL, "),
        ("fake:", "does not name a model; set it to fake:MODEL"),
    ],
)
def test_an_unusable_name_is_refused_with_the_fix(named: str, said: str, settings: Settings) -> None:
    settings.DEFAULT_MODEL_REASONING = named
    with pytest.raises(NoTextModelError, match=r"^DEFAULT_MODEL_REASONING=") as refused:
        text_model_in_use()
    assert said in str(refused.value)


def test_the_longest_prefix_determines_the_service(settings: Settings) -> None:
    class Other(FakeTextModel):
        name = "other"
        prefixes = ("writer-large-",)

    settings.DEFAULT_MODEL_REASONING = "writer-large-1"
    with text_models.register_temporarily(Other()):
        found = text_model_in_use()
    assert found is not None
    assert found[0].name == "other"
