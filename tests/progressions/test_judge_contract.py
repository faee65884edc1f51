"""The contract that every judge of the registry must keep, tested through the fake server of its service, if any."""

import re

import pytest
from PIL import Image

from dali.lib.clock import Deadline
from dali.lib.pictures.images import decode
from progressions.enums import Judgment, Kind
from progressions.errors import JudgeError
from progressions.judge import JudgeRequest, Verdict, judges
from tests.progressions.pictures import landscape, mask_of, picture
from tests.vendors.configured import STAND_INS, configure

ALL = [pytest.param(name, id=name) for name in judges.names()]
# Testable here: nothing is missing although no credential is set, or tests/vendors has a fake of the service.
ASKED = [
    pytest.param(judge.name, id=judge.name)
    for judge in judges.all()
    if judge.name in STAND_INS or not judge.missing()
]
# Judges that measure pictures themselves; the answer of a fake server depends on no picture.
LOOKING = [param for param in ASKED if param.values[0] not in STAND_INS]
START = landscape((192, 128))


def verdict_on(name: str, kind: Kind, image: Image.Image, prompt: str = "a lighthouse at dusk") -> Verdict:
    has_start = kind != Kind.GENERATE
    mask = decode(mask_of(START.size, (40, 30, 120, 90))).image.convert("L") if kind == Kind.INPAINT else None
    return judges.get(name).judge(
        JudgeRequest(
            kind=kind,
            prompt=prompt,
            generated_image=picture(image),
            deadline=Deadline.after(30),
            start_image=picture(START) if has_start else None,
            mask=mask,
        )
    )


def test_the_local_judge_is_among_those_tested() -> None:
    assert {param.values[0] for param in ASKED} >= {"local"}


@pytest.mark.parametrize("name", ALL)
def test_a_judge_has_a_plain_name_and_names_its_settings(name: str) -> None:
    judge = judges.get(name)
    assert re.fullmatch(r"[a-z][a-z0-9_-]{0,31}", judge.name)
    assert all(setting.strip() == setting != "" for setting in judge.missing())


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("name", ASKED)
def test_a_verdict_is_well_formed(name: str, kind: Kind, request: pytest.FixtureRequest) -> None:
    configure(request, name)
    assert judges.get(name).missing() == []
    verdict = verdict_on(name, kind, landscape((256, 192), seed=5))
    assert verdict.judgment in (Judgment.PASS, Judgment.FAIL, None)
    assert verdict.notes
    assert all(re.fullmatch(r"[A-Z].*[.!?]", note, re.DOTALL) for note in verdict.notes)
    assert len(verdict.tags) <= 20
    assert all(tag == tag.lower() and 1 <= len(tag) <= 40 for tag in verdict.tags)
    assert len(set(verdict.tags)) == len(verdict.tags)
    assert bool(verdict.retry_suggestion) == (verdict.judgment == Judgment.FAIL)


@pytest.mark.parametrize("name", LOOKING)
def test_a_blank_picture_does_not_pass(name: str) -> None:
    assert (
        verdict_on(name, Kind.GENERATE, Image.new("RGB", (256, 256), (120, 120, 120))).judgment
        == Judgment.FAIL
    )


@pytest.mark.parametrize("name", ASKED)
def test_a_judge_accepts_pictures_of_any_shape(name: str, request: pytest.FixtureRequest) -> None:
    configure(request, name)
    for size in ((1, 1), (3, 900), (900, 20), (17, 17)):
        assert verdict_on(name, Kind.EDIT, landscape(size)).notes


@pytest.mark.parametrize("name", ASKED)
def test_a_judge_without_time_says_so(name: str, request: pytest.FixtureRequest) -> None:
    configure(request, name)
    shown = JudgeRequest(
        kind=Kind.GENERATE, prompt="x", generated_image=picture(START), deadline=Deadline.after(-1)
    )
    with pytest.raises(JudgeError):
        judges.get(name).judge(shown)
