"""One image and one verdict from Google itself: `DALI_LIVE_GEMINI=1` and `GEMINI_API_KEY`; costs about 0.04 USD."""

import json
import os

import pytest
from pytest_django.fixtures import Settings
from pytest_socket import enable_socket, socket_allow_hosts

from dali.lib.calls.answers.usage import Unit
from dali.lib.clock import Deadline
from dali.lib.pictures.images import decode
from progressions.enums import Kind
from progressions.provider import ProviderRequest
from progressions.vendors.gemini.judge import GeminiJudge
from progressions.vendors.gemini.provider import GeminiProvider
from progressions.verdicts.rubric import Question

pytestmark = [
    pytest.mark.live,
    pytest.mark.skipif(
        not (os.environ.get("DALI_LIVE_GEMINI") and os.environ.get("GEMINI_API_KEY")),
        reason="live: needs DALI_LIVE_GEMINI=1 and GEMINI_API_KEY",
    ),
    pytest.mark.timeout(400),
]


@pytest.fixture(autouse=True)
def _open_sockets(settings: Settings) -> None:
    socket_allow_hosts(None)
    enable_socket()


def test_an_image_is_made_and_judged() -> None:
    answer = GeminiProvider().call(
        ProviderRequest(
            kind=Kind.GENERATE,
            prompt="a small red lighthouse on a white ground, flat colours",
            seed=7,
            model="gemini-3.1-flash-lite-image",
            deadline=Deadline.after(180),
            size=(1024, 1024),
        )
    )
    picture = decode(answer.content)
    assert picture.image.size == (1024, 1024)
    assert answer.usage is not None
    assert answer.usage.units[Unit.IMAGE_OUTPUT] > 0
    schema = {
        "type": "object",
        "properties": {"lighthouse": {"type": "boolean"}},
        "required": ["lighthouse"],
        "additionalProperties": False,
    }
    question = Question(
        "Is there a lighthouse in the image?", (picture.jpeg(512),), schema, Deadline.after(60)
    )
    assert json.loads(GeminiJudge().ask(question).text) == {"lighthouse": True}
