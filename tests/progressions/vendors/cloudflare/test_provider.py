"""Workers AI: what each model is sent, what is refused in advance, and how answers are read."""

import base64
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit
from dali.lib.clock import Deadline
from dali.lib.errors import InputError
from dali.lib.pictures.images import decode
from progressions.enums import Code, Kind
from progressions.errors import ProviderError
from progressions.pipeline.intake.drafts import JobDraft, prepare_job
from progressions.provider import Draft, ProviderImage, ProviderRequest
from progressions.vendors.cloudflare.image_models import MODELS
from progressions.vendors.cloudflare.provider import WorkersProvider
from tests.factories import ProjectFactory
from tests.progressions.pictures import landscape, mask_of, png
from tests.vendors.cloudflare_server import CloudflareServer, Ran
from tests.vendors.server import Answer, Fault

WORKERS = WorkersProvider()
FLUX_2 = "@cf/black-forest-labs/flux-2-dev"
KLEIN = "@cf/black-forest-labs/flux-2-klein-4b"
SCHNELL = "@cf/black-forest-labs/flux-1-schnell"
LUCID = "@cf/leonardo/lucid-origin"
PHOENIX = "@cf/leonardo/phoenix-1.0"
SDXL = "@cf/stabilityai/stable-diffusion-xl-base-1.0"
IMG2IMG = "@cf/runwayml/stable-diffusion-v1-5-img2img"
INPAINTING = "@cf/runwayml/stable-diffusion-v1-5-inpainting"
START = landscape((640, 480))
BOX = (200, 120, 440, 360)


def request_for(model: str, kind: Kind = Kind.GENERATE, **changes: object) -> ProviderRequest:
    has_start = kind != Kind.GENERATE
    request = ProviderRequest(
        kind=kind,
        prompt="a lighthouse at dusk",
        seed=7,
        model=model,
        deadline=Deadline.after(30),
        start_image=png(START) if has_start else None,
        mask=mask_of(START.size, BOX) if kind == Kind.INPAINT else None,
    )
    return replace(request, **changes)  # type: ignore[arg-type] # fields by name


def draft_for(
    model: str,
    kind: Kind = Kind.GENERATE,
    options: Mapping[str, object] | None = None,
    prompt: str = "a lighthouse",
    size: tuple[int, int] | None = None,
) -> Draft:
    return Draft(kind=kind, prompt=prompt, model=model, size=size, options=options or {})


def ran(server: CloudflareServer) -> Ran:
    assert len(server.ran) == 1
    return server.ran[0]


def kept(request: ProviderRequest, answer: ProviderImage) -> Image.Image:
    return decode(WORKERS.finish(request, answer.content)).image.convert("RGB")


@pytest.mark.parametrize(
    ("model", "kind"), [(name, Kind(kind)) for name in MODELS for kind in sorted(MODELS[name].kinds)]
)
def test_every_model_does_each_of_its_kinds(
    cloudflare_server: CloudflareServer, model: str, kind: Kind
) -> None:
    answer = WORKERS.call(request_for(model, kind))
    decode(answer.content)
    assert answer.model == ran(cloudflare_server).model == model
    assert answer.meta["request_id"] == "8f00ba4-FRA"
    assert answer.cost_usd is None


def test_flux_2_is_sent_a_form_even_without_a_picture(cloudflare_server: CloudflareServer) -> None:
    answer = WORKERS.call(request_for(FLUX_2))
    assert cloudflare_server.received[0].headers["content-type"].startswith("multipart/form-data; boundary=")
    assert ran(cloudflare_server).fields == {
        "prompt": "a lighthouse at dusk",
        "steps": 25,
        "width": 1024,
        "height": 1024,
        "seed": 7,
    }
    assert answer.seed == 7
    assert answer.usage is not None
    assert answer.usage.as_json() == {"service": "workers", "model": FLUX_2, "output_tile_steps": 100}


def test_a_model_with_fixed_steps_is_sent_none(cloudflare_server: CloudflareServer) -> None:
    answer = WORKERS.call(request_for(KLEIN, size=(512, 512)))
    assert ran(cloudflare_server).fields.keys() == {"prompt", "width", "height", "seed"}
    assert answer.usage is not None
    assert answer.usage.units == {Unit.OUTPUT_TILE_STEP: 4}
    with pytest.raises(InputError, match="fixed at 4"):
        WORKERS.check(draft_for(KLEIN, options={"steps": 4}))


def test_schnell_is_sent_only_its_prompt_and_steps(cloudflare_server: CloudflareServer) -> None:
    answer = WORKERS.call(request_for(SCHNELL, size=(1024, 768)))
    assert ran(cloudflare_server).fields == {"prompt": "a lighthouse at dusk", "steps": 4}
    assert answer.seed is None
    assert answer.meta["requested"] == {"size": "1024x768"}
    assert answer.meta["size"] == "1024x1024"
    assert decode(answer.content).media_type == "image/jpeg"
    assert answer.usage is not None
    assert answer.usage.units == {Unit.OUTPUT_TILE: 4, Unit.STEP: 4}


def test_the_type_of_a_binary_answer_is_determined_from_its_bytes(
    cloudflare_server: CloudflareServer,
) -> None:
    answer = WORKERS.call(request_for(PHOENIX))
    assert decode(answer.content).media_type == "image/jpeg"  # announced as image/png


def test_base64_from_a_binary_model_is_accepted(cloudflare_server: CloudflareServer) -> None:
    picture = base64.b64encode(png(landscape((64, 64)))).decode()
    envelope = {"success": True, "result": {"image": f"data:image/png;base64,{picture}"}, "errors": []}
    cloudflare_server.faults = [Fault(Answer.of_json(envelope))]
    assert decode(WORKERS.call(request_for(PHOENIX)).content).image.size == (64, 64)


def test_options_are_sent_to_the_models_that_have_them(cloudflare_server: CloudflareServer) -> None:
    options = {"steps": 12, "guidance": 6.5, "negative_prompt": " people ", "strength": 0.3}
    answer = WORKERS.call(request_for(SDXL, Kind.EDIT, options=options))
    fields = ran(cloudflare_server).fields
    assert (fields["num_steps"], fields["guidance"], fields["strength"]) == (12, 6.5, 0.3)
    assert fields["negative_prompt"] == "people"
    assert answer.usage is not None
    assert answer.usage.units == {Unit.STEP: 12}


@pytest.mark.parametrize(
    ("model", "kind", "option", "value"),
    [
        (FLUX_2, Kind.GENERATE, "steps", 51),
        (FLUX_2, Kind.GENERATE, "steps", 0),
        (FLUX_2, Kind.GENERATE, "steps", 4.0),
        (FLUX_2, Kind.GENERATE, "steps", True),
        (FLUX_2, Kind.GENERATE, "steps", "4"),
        (FLUX_2, Kind.GENERATE, "negative_prompt", "people"),
        (FLUX_2, Kind.EDIT, "strength", 0.5),
        (SCHNELL, Kind.GENERATE, "steps", 9),
        (SCHNELL, Kind.GENERATE, "guidance", 3),
        (LUCID, Kind.GENERATE, "guidance", 10.5),
        (PHOENIX, Kind.GENERATE, "guidance", 1.5),
        (PHOENIX, Kind.GENERATE, "guidance", float("nan")),
        (SDXL, Kind.GENERATE, "strength", 0.5),
        (SDXL, Kind.EDIT, "strength", 1.5),
        (SDXL, Kind.EDIT, "negative_prompt", ""),
        (SDXL, Kind.EDIT, "negative_prompt", ["people"]),
        (SDXL, Kind.EDIT, "quality", "high"),
    ],
)
def test_an_option_that_the_model_does_not_have_is_refused_by_its_name(
    model: str, kind: Kind, option: str, value: object
) -> None:
    with pytest.raises(InputError) as caught:
        WORKERS.check(draft_for(model, kind, {option: value}))
    assert caught.value.field == f"options.workers.{option}"


def test_a_model_that_cannot_do_the_kind_is_refused_with_those_that_can() -> None:
    with pytest.raises(InputError) as caught:
        WORKERS.check(draft_for(LUCID, Kind.INPAINT))
    assert caught.value.field == "models.workers"
    assert str(caught.value).startswith(f"'{LUCID}' cannot inpaint; {FLUX_2}, ")


@pytest.mark.parametrize("size", [(255, 512), (512, 2501), (16, 16)])
def test_a_size_beyond_the_limits_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError) as caught:
        WORKERS.check(draft_for(FLUX_2, size=size))
    assert caught.value.field == "size"


@pytest.mark.parametrize(
    ("model", "asked", "made"),
    [
        (FLUX_2, (1920, 1080), "1920x1088"),
        (FLUX_2, (2400, 1200), "1920x960"),
        (FLUX_2, (2500, 256), "1920x256"),
        (LUCID, (2500, 2000), "2496x2000"),
        (SDXL, (300, 300), "304x304"),
    ],
)
def test_a_size_that_a_model_does_not_make_becomes_its_nearest(
    cloudflare_server: CloudflareServer, model: str, asked: tuple[int, int], made: str
) -> None:
    answer = WORKERS.call(request_for(model, size=asked))
    width, height = decode(answer.content).image.size
    assert f"{width}x{height}" == answer.meta["size"] == made
    assert answer.meta["requested"] == {"size": f"{asked[0]}x{asked[1]}"}


def test_a_prompt_too_long_for_schnell_is_refused_and_a_refined_one_cut_after_a_word(
    cloudflare_server: CloudflareServer,
) -> None:
    with pytest.raises(InputError, match="at most 2048") as caught:
        WORKERS.check(draft_for(SCHNELL, prompt="x" * 2049))
    assert caught.value.field == "prompt"
    WORKERS.check(draft_for(SCHNELL, prompt="x" * 2048))
    WORKERS.check(draft_for(FLUX_2, prompt="x" * 20_000))
    answer = WORKERS.call(request_for(SCHNELL, prompt="seagulls " * 300))
    sent = ran(cloudflare_server).fields["prompt"]
    assert sent == ("seagulls " * 227).strip()
    assert answer.meta["prompt_cut_at"] == len(sent) <= 2048


def test_flux_2_is_sent_a_start_image_small_enough(cloudflare_server: CloudflareServer) -> None:
    answer = WORKERS.call(request_for(FLUX_2, Kind.EDIT, start_image=png(landscape((1600, 1200)))))
    seen = ran(cloudflare_server)
    assert seen.images["input_image_0"].size == (512, 384)
    assert decode(answer.content).image.size == (1600, 1200)
    assert answer.usage is not None
    assert answer.usage.units == {Unit.OUTPUT_TILE_STEP: 12 * 25, Unit.INPUT_TILE_STEP: 25}


def test_transparent_images_are_sent_over_white(cloudflare_server: CloudflareServer) -> None:
    WORKERS.call(request_for(FLUX_2, Kind.EDIT, start_image=png(Image.new("RGBA", (64, 64), (9, 9, 9, 0)))))
    image = ran(cloudflare_server).images["input_image_0"]
    assert (image.mode, image.getpixel((5, 5))) == ("RGB", (255, 255, 255))


@pytest.mark.parametrize(("kind", "strength"), [(Kind.EDIT, 0.75), (Kind.VARIATION, 0.5)])
def test_img2img_changes_less_for_a_variation(
    cloudflare_server: CloudflareServer, kind: Kind, strength: float
) -> None:
    WORKERS.call(request_for(IMG2IMG, kind))
    seen = ran(cloudflare_server)
    assert seen.fields["strength"] == strength
    assert seen.images["image_b64"].size == (640, 480) == (seen.fields["width"], seen.fields["height"])


@pytest.mark.parametrize("model", [FLUX_2, INPAINTING])
def test_an_inpainted_picture_is_the_original_outside_the_mask(
    cloudflare_server: CloudflareServer, model: str
) -> None:
    request = request_for(model, Kind.INPAINT)
    picture = kept(request, WORKERS.call(request))
    before, after = np.asarray(START), np.asarray(picture)
    inside = np.zeros(before.shape[:2], bool)
    inside[BOX[1] : BOX[3] + 1, BOX[0] : BOX[2] + 1] = True
    assert (before[~inside] == after[~inside]).all()
    assert (before[inside] != after[inside]).any()


def test_inpainting_is_sent_image_and_mask_of_one_size_white_where_to_repaint(
    cloudflare_server: CloudflareServer,
) -> None:
    WORKERS.call(request_for(INPAINTING, Kind.INPAINT))
    seen = ran(cloudflare_server)
    mask = seen.images["mask"].convert("L")
    assert seen.images["image_b64"].size == mask.size == (640, 480)
    assert [mask.getpixel(at) for at in ((300, 200), (20, 20))] == [255, 0]
    assert "strength" not in seen.fields


def test_flux_2_is_told_about_the_mask_and_sent_it(cloudflare_server: CloudflareServer) -> None:
    WORKERS.call(request_for(FLUX_2, Kind.INPAINT))
    seen = ran(cloudflare_server)
    assert "second image is white" in seen.fields["prompt"]
    assert seen.images["input_image_1"].size == seen.images["input_image_0"].size == (512, 384)


def test_an_outpainted_picture_contains_every_pixel_of_the_original(
    cloudflare_server: CloudflareServer,
) -> None:
    request = request_for(INPAINTING, Kind.OUTPAINT, size=(1000, 600))
    answer = WORKERS.call(request)
    picture = kept(request, answer)
    assert picture.size == (1000, 600)
    assert (np.asarray(picture)[60:540, 180:820] == np.asarray(START)).all()
    assert answer.meta["size"] == "1000x600"
    assert ran(cloudflare_server).images["mask"].size == (768, 464)


def test_the_default_model_is_one_that_can_do_the_kind(settings: Settings) -> None:
    chosen = {kind: WORKERS.default_model_for(kind) for kind in sorted(WORKERS.kinds)}
    assert chosen == {
        "edit": FLUX_2,
        "generate": FLUX_2,
        "inpaint": FLUX_2,
        "outpaint": INPAINTING,
        "variation": FLUX_2,
    }
    settings.WORKERS_MODEL = SCHNELL
    assert (WORKERS.default_model_for(Kind.GENERATE), WORKERS.default_model_for(Kind.EDIT)) == (
        SCHNELL,
        FLUX_2,
    )
    settings.WORKERS_MODEL = "@cf/no/such"
    with pytest.raises(InputError, match="not a model of workers"):
        WORKERS.check(draft_for(WORKERS.default_model_for(Kind.EDIT), Kind.EDIT))


@pytest.mark.django_db
def test_a_job_without_a_model_gets_one_that_can_do_it(cloudflare_server: CloudflareServer) -> None:
    draft = JobDraft(
        prompt="a pier",
        providers=("workers",),
        session_id="s-1",
        kind="outpaint",
        start_image_url="http://images.example.com/pier.png",
    )
    _, wanted = prepare_job(ProjectFactory(), draft)
    assert [variant.model for variant in wanted] == [INPAINTING]


@pytest.mark.parametrize("model", sorted(MODELS))
@pytest.mark.parametrize("size", [None, (1024, 768)])
def test_an_estimate_is_never_less_than_the_usage(
    cloudflare_server: CloudflareServer, model: str, size: tuple[int, int] | None
) -> None:
    for kind in WORKERS.kinds_of(model):
        estimate = WORKERS.estimate(draft_for(model, kind, size=size))
        used = WORKERS.call(request_for(model, kind, size=size)).usage
        assert estimate is not None
        assert used is not None
        assert (estimate.model, estimate.units.keys()) == (used.model, used.units.keys())
        assert all(Decimal(estimate.units[unit]) >= amount for unit, amount in used.units.items())


def test_without_account_or_token_it_is_not_configured(settings: Settings) -> None:
    settings.CLOUDFLARE_ACCOUNT_ID, settings.CLOUDFLARE_API_TOKEN = "", ""
    assert WORKERS.missing() == ["CLOUDFLARE_ACCOUNT_ID", "CLOUDFLARE_API_TOKEN"]


@pytest.mark.parametrize("kind", [Kind.EDIT, Kind.INPAINT])
def test_what_a_request_lacks_is_reported_before_anything_is_sent(
    cloudflare_server: CloudflareServer, kind: Kind
) -> None:
    bad = {"start_image": None} if kind == Kind.EDIT else {"mask": None}
    with pytest.raises(ProviderError) as caught:
        WORKERS.call(request_for(FLUX_2, kind, **bad))
    assert (caught.value.code, caught.value.is_retryable) == (Code.PROVIDER_ERROR, False)
    with pytest.raises(ProviderError) as caught:
        WORKERS.call(request_for(FLUX_2, Kind.EDIT, start_image=b"no picture"))
    assert caught.value.code == Code.INVALID_IMAGE
    assert cloudflare_server.received == []
