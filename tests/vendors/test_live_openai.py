"""The live OpenAI: one image, one verdict. Costs a few cents; needs DALI_LIVE_OPENAI=1 and a key."""

import os

import pytest

from dali.lib.clock import Deadline
from dali.lib.pictures.images import decode
from progressions.enums import Kind
from progressions.judge import JudgeRequest
from progressions.provider import ProviderRequest
from progressions.vendors.openai.judge import OpenAIJudge
from progressions.vendors.openai.provider import OpenAIProvider

OPENAI = OpenAIProvider()
pytestmark = [
    pytest.mark.live,
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        not os.environ.get("DALI_LIVE_OPENAI") or bool(OPENAI.missing()),
        reason="live: needs DALI_LIVE_OPENAI=1 and OPENAI_API_KEY",
    ),
]


def test_it_makes_an_image_that_it_judges() -> None:
    prompt = "a red lighthouse on a cliff, photograph"
    answer = OPENAI.call(
        ProviderRequest(
            kind=Kind.GENERATE,
            prompt=prompt,
            seed=7,
            model=OPENAI.default_model(),
            deadline=Deadline.after(300),
            size=(1024, 1024),
            options={"quality": "low"},
        )
    )
    picture = decode(answer.content)
    assert (picture.width, picture.height) == (1024, 1024)
    assert answer.usage is not None
    verdict = OpenAIJudge().judge(
        JudgeRequest(kind=Kind.GENERATE, prompt=prompt, generated_image=picture, deadline=Deadline.after(60))
    )
    assert verdict.judgment is not None
    assert verdict.usage
