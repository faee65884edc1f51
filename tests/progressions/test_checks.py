"""A missing judge or delivery is found at the start, not at the first image."""

from pytest_django.fixtures import Settings

from progressions.checks import check_named_plugins, check_text_model
from progressions.delivery import deliveries
from progressions.judge import judges
from progressions.text_model import text_models
from tests.progressions.fake_models import FakeTextModel
from tests.progressions.fakes import FakeJudge


class Unconfigured(FakeJudge):
    """A judge that lacks a setting."""

    def missing(self) -> list[str]:
        """One key."""
        return ["FAKE_KEY"]


def test_the_defaults_exist_and_are_configured() -> None:
    assert check_named_plugins(None) == []


def test_an_unknown_judge_and_delivery_are_refused_by_name(settings: Settings) -> None:
    settings.JUDGE, settings.DELIVERY = "nobody", "nowhere"
    found = check_named_plugins(None)
    assert [message.id for message in found] == ["progressions.E001", "progressions.E002"]
    assert [message.hint for message in found] == [
        f"Set it to one of: {', '.join(registry.names())}." for registry in (judges, deliveries)
    ]


def test_a_judge_without_its_key_is_refused_naming_the_setting(settings: Settings) -> None:
    settings.JUDGE = "fake"
    with judges.register_temporarily(Unconfigured()):
        (found,) = check_named_plugins(None)
    assert (found.msg, found.hint) == (
        "DALI_JUDGE='fake' is not configured",
        "Set FAKE_KEY, or choose another.",
    )


class UnconfiguredText(FakeTextModel):
    """A service of text models that lacks a setting."""

    def missing(self) -> list[str]:
        """One key."""
        return ["FAKE_KEY"]


def test_no_text_model_is_needed_when_tips_refine(settings: Settings) -> None:
    settings.DEFAULT_MODEL_REASONING = ""
    assert check_text_model(None) == []
    settings.REFINER = "model"
    (found,) = check_text_model(None)
    assert (found.id, found.hint) == (
        "progressions.E004",
        "Set DEFAULT_MODEL_REASONING=service:model, or DALI_REFINER=tips.",
    )


def test_a_text_model_of_an_unknown_service_is_refused(settings: Settings) -> None:
    settings.DEFAULT_MODEL_REASONING = "nobody:x"
    (found,) = check_text_model(None)
    assert found.id == "progressions.E003"
    assert found.msg == "DEFAULT_MODEL_REASONING='nobody:x' does not name a known service"
    assert found.hint is not None
    assert found.hint.startswith("Set it to one of: gemini:MODEL, openai:MODEL")


def test_a_text_model_without_its_key_is_refused_naming_the_setting(settings: Settings) -> None:
    settings.DEFAULT_MODEL_REASONING = "fake:writer-1"
    with text_models.register_temporarily(UnconfiguredText()):
        (found,) = check_text_model(None)
    assert (found.id, found.hint) == ("progressions.E003", "Set FAKE_KEY.")
    assert found.msg == "DEFAULT_MODEL_REASONING='fake:writer-1': fake is not configured"


def test_a_configured_text_model_passes(settings: Settings) -> None:
    settings.DEFAULT_MODEL_REASONING, settings.REFINER = "fake:writer-1", "model"
    with text_models.register_temporarily(FakeTextModel()):
        assert check_text_model(None) == []
