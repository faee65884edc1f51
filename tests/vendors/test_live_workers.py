"""The live Workers AI: one image, one verdict. Costs a fraction of a cent; needs DALI_LIVE_WORKERS=1 and a token."""

import os

import pytest
from django.conf import settings

from dali.lib.clock import Deadline
from dali.lib.pictures.images import decode
from progressions.enums import Kind
from progressions.judge import JudgeRequest
from progressions.provider import ProviderRequest
from progressions.vendors.cloudflare.judge import WorkersJudge
from progressions.vendors.cloudflare.provider import WorkersProvider

WORKERS = WorkersProvider()
pytestmark = [
    pytest.mark.live,
    pytest.mark.enable_socket,
    pytest.mark.skipif(
        not os.environ.get("DALI_LIVE_WORKERS") or bool(WORKERS.missing()),
        reason="live: needs DALI_LIVE_WORKERS=1, CLOUDFLARE_ACCOUNT_ID and CLOUDFLARE_API_TOKEN",
    ),
]


@pytest.mark.parametrize("model", ["@cf/black-forest-labs/flux-1-schnell", settings.WORKERS_MODEL])
def test_it_makes_an_image_that_it_judges(model: str) -> None:
    prompt = "a red lighthouse on a cliff, photograph"
    request = ProviderRequest(
        kind=Kind.GENERATE, prompt=prompt, seed=7, model=model, deadline=Deadline.after(120), size=(512, 512)
    )
    picture = decode(WORKERS.call(request).content)
    assert min(picture.width, picture.height) >= 256
    verdict = WorkersJudge().judge(
        JudgeRequest(kind=Kind.GENERATE, prompt=prompt, generated_image=picture, deadline=Deadline.after(60))
    )
    assert verdict.notes
    assert verdict.usage
