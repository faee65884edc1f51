"""A judge or delivery that is not there is found at the start, not at the first image."""

from pytest_django.fixtures import Settings

from progressions.checks import check_named_plugins
from progressions.judge import judges
from tests.progressions.fakes import FakeJudge


class Unconfigured(FakeJudge):
    """A judge that lacks a setting."""

    def missing(self) -> list[str]:
        """One key."""
        return ["FAKE_KEY"]


def test_the_defaults_are_known_and_configured() -> None:
    assert check_named_plugins(None) == []


def test_an_unknown_judge_and_delivery_are_refused_by_name(settings: Settings) -> None:
    settings.JUDGE, settings.DELIVERY = "nobody", "nowhere"
    found = check_named_plugins(None)
    assert [message.id for message in found] == ["progressions.E001", "progressions.E002"]
    assert [message.hint for message in found] == ["Set it to one of: local.", "Set it to one of: local."]


def test_a_judge_without_its_key_is_refused_naming_the_setting(settings: Settings) -> None:
    settings.JUDGE = "fake"
    with judges.register_temporarily(Unconfigured()):
        (found,) = check_named_plugins(None)
    assert (found.msg, found.hint) == (
        "DALI_JUDGE='fake' is not configured",
        "Set FAKE_KEY, or choose another.",
    )
