"""The provider `openai` through its SDK: what it sends, how it reads answers, what it refuses in advance."""

import json
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from pytest_django.fixtures import Settings

from dali.lib.calls.answers.usage import Unit
from dali.lib.calls.failures import VendorError
from dali.lib.clock import Deadline
from dali.lib.errors import InputError
from dali.lib.pictures.images import InvalidImageError, decode
from progressions.enums import Kind
from progressions.provider import Draft, ProviderRequest
from progressions.vendors.openai.provider import OpenAIProvider
from tests.progressions.pictures import landscape, mask_of, png
from tests.vendors.openai_checks import Form, open_image, parse_form
from tests.vendors.openai_server import OpenAIServer
from tests.vendors.server import Answer, Fault

OPENAI = OpenAIProvider()
START = landscape((320, 240))
BOX = (100, 60, 219, 179)
LIGHTHOUSE = "a lighthouse at dusk, oil on canvas"


def request(
    kind: Kind = Kind.GENERATE,
    prompt: str = LIGHTHOUSE,
    *,
    model: str = "gpt-image-2.6-flare",
    size: tuple[int, int] | None = None,
    start: Image.Image | None = START,
    options: Mapping[str, object] | None = None,
) -> ProviderRequest:
    has_start = kind != Kind.GENERATE and start is not None
    return ProviderRequest(
        kind=kind,
        prompt=prompt,
        seed=7,
        model=model,
        deadline=Deadline.after(30),
        size=size,
        start_image=png(start) if has_start and start else None,
        mask=mask_of(start.size, BOX) if kind == Kind.INPAINT and start else None,
        options=options or {},
    )


def draft(prompt: str = LIGHTHOUSE, kind: Kind = Kind.GENERATE, **changed: object) -> Draft:
    return replace(Draft(kind, prompt, "gpt-image-2.6-flare", None, {}), **changed)  # type: ignore[arg-type]


def form_of(server: OpenAIServer) -> Form:
    [received] = server.received
    assert (received.method, received.path) == ("POST", "/v1/images/edits")
    return parse_form(received)


def test_a_generation_is_one_json_request_with_the_requested_values(openai_server: OpenAIServer) -> None:
    answer = OPENAI.call(request())
    [received] = openai_server.received
    assert (received.method, received.path) == ("POST", "/v1/images/generations")
    assert received.headers["authorization"] == "Bearer sk-test-openai-0123456789abcdef"
    assert received.headers["x-stainless-retry-count"] == "0"
    assert "x-stainless-read-timeout" not in received.headers
    assert received.json() == {
        "prompt": LIGHTHOUSE,
        "model": "gpt-image-2.6-flare",
        "n": 1,
        "size": "1024x1024",
    }
    assert decode(answer.content).image.size == (1024, 1024)
    assert (answer.model, answer.seed, answer.cost_usd) == ("gpt-image-2.6-flare", None, None)
    assert answer.meta == {"size": "1024x1024", "quality": "medium", "request_id": "req_000001"}


def test_the_usage_is_the_one_they_report(openai_server: OpenAIServer) -> None:
    usage = OPENAI.call(request()).usage
    assert usage is not None
    assert (usage.service, usage.model) == ("openai", "gpt-image-2.6-flare")
    assert usage.units == {Unit.TEXT_INPUT: len(LIGHTHOUSE) // 4 + 1, Unit.IMAGE_OUTPUT: 1756}
    edited = OPENAI.call(request(Kind.EDIT)).usage
    assert edited is not None
    assert edited.units[Unit.IMAGE_INPUT] == 1024


def test_every_option_is_sent_under_their_name(openai_server: OpenAIServer) -> None:
    options = {
        "quality": "max",
        "background": "transparent",
        "output_format": "webp",
        "output_compression": 70,
        "moderation": "low",
        "complexity": "low",
    }
    answer = OPENAI.call(request(options=options))
    OPENAI.call(request(Kind.EDIT, options=options))
    sent = openai_server.received[0].json()
    assert {name: sent[name] for name in options} == options
    fields = parse_form(openai_server.received[1]).fields
    assert {name: fields[name] for name in options} == {**options, "output_compression": "70"}
    assert decode(answer.content).media_type == "image/webp"
    assert answer.meta["quality"] == "max"


@pytest.mark.parametrize(
    ("model", "asked", "made"),
    [
        ("gpt-image-2.6-flare", (1536, 864), "1536x864"),
        ("gpt-image-2.6-flare", (320, 256), "912x720"),
        ("gpt-image-2", (8000, 8000), "2880x2880"),
        ("gpt-image-2", (1000, 4000), "1152x3456"),
        ("gpt-image-1.5", (1920, 1080), "1536x1024"),
        ("gpt-image-1-mini", (512, 512), "1024x1024"),
    ],
)
def test_a_size_they_do_not_make_becomes_the_nearest_and_is_noted(
    openai_server: OpenAIServer, model: str, asked: tuple[int, int], made: str
) -> None:
    answer = OPENAI.call(request(model=model, size=asked))
    assert openai_server.received[0].json()["size"] == made
    assert answer.meta["size"] == made
    said = f"{asked[0]}x{asked[1]}"
    assert answer.meta.get("requested") == (None if said == made else {"size": said})


def test_an_edit_is_a_form_with_a_named_and_typed_image(openai_server: OpenAIServer) -> None:
    answer = OPENAI.call(request(Kind.EDIT, "make it night"))
    form = form_of(openai_server)
    assert form.fields == {
        "prompt": "make it night",
        "model": "gpt-image-2.6-flare",
        "n": "1",
        "size": "944x704",
    }
    [image] = form.images
    assert (image.filename, image.type) == ("image.png", "image/png")
    assert open_image(image.content).tobytes() == START.tobytes()
    assert form.mask is None
    assert decode(answer.content).image.size == (944, 704)


def test_a_variation_is_an_edit_that_asks_for_one(openai_server: OpenAIServer) -> None:
    OPENAI.call(request(Kind.VARIATION))
    prompt = form_of(openai_server).fields["prompt"]
    assert prompt.startswith("A variation of this picture")
    assert prompt.endswith(LIGHTHOUSE)


def test_a_large_start_image_is_reduced(openai_server: OpenAIServer) -> None:
    OPENAI.call(request(Kind.EDIT, start=landscape((3000, 1500))))
    assert open_image(form_of(openai_server).images[0].content).size == (2048, 1024)


@pytest.mark.parametrize(
    ("model", "mode", "size"),
    [
        ("gpt-image-2.6-sunburst", "RGB", (320, 240)),
        ("gpt-image-2.6-sunburst", "RGBA", (1600, 896)),  # a size they make: no scaling at all
        ("gpt-image-2.6-sunburst", "RGB", (231, 777)),  # narrower than they make
        ("gpt-image-1.5", "RGBA", (320, 240)),
        ("gpt-image-1.5", "RGB", (231, 777)),
    ],
)
def test_an_inpaint_changes_nothing_outside_of_the_mask(
    openai_server: OpenAIServer, model: str, mode: str, size: tuple[int, int]
) -> None:
    start = landscape(size).convert(mode)
    if mode == "RGBA":
        start.putpixel((3, 3), (10, 20, 30, 0))
    asked = request(Kind.INPAINT, "a red boat", model=model, start=start)
    answer = OPENAI.call(asked)
    kept = OPENAI.finish(asked, answer.content)
    assert kept == OPENAI.finish(asked, answer.content)
    result = decode(kept).image
    assert (result.mode, result.size) == (mode, size)
    before, after = np.asarray(start), np.asarray(result)
    inside = np.zeros(before.shape[:2], bool)
    inside[BOX[1] : BOX[3] + 1, BOX[0] : BOX[2] + 1] = True
    assert np.array_equal(before[~inside], after[~inside])
    assert (np.abs(before[inside].astype(int) - after[inside]).max(axis=1) > 12).mean() > 0.5


def test_a_mask_is_transparent_where_they_repaint_and_as_large_as_the_image(
    openai_server: OpenAIServer,
) -> None:
    OPENAI.call(request(Kind.INPAINT, "a red boat"))
    form = form_of(openai_server)
    assert form.mask is not None
    assert (form.mask.filename, form.mask.type) == ("mask.png", "image/png")
    mask = open_image(form.mask.content)
    assert (mask.mode, mask.size) == ("RGBA", open_image(form.images[0].content).size)
    assert f"{mask.width}x{mask.height}" == form.fields["size"]
    alpha = np.asarray(mask)[..., 3]
    assert sorted(set(alpha.ravel().tolist())) == [0, 255]
    assert alpha[mask.height // 2, mask.width // 2] == 0
    assert alpha[0, 0] == 255


def test_an_inpaint_notes_a_size_it_did_not_make(openai_server: OpenAIServer) -> None:
    answer = OPENAI.call(request(Kind.INPAINT, size=(512, 512)))
    assert answer.meta["requested"] == {"size": "512x512"}
    assert (answer.meta["size"], answer.meta["answer_size"]) == ("320x240", "944x704")


@pytest.mark.parametrize("model", ["gpt-image-2.6-sunburst", "gpt-image-1.5"])
@pytest.mark.parametrize(("asked", "made"), [(None, (480, 360)), ((960, 240), (960, 240))])
def test_an_outpaint_keeps_every_pixel_of_the_start_image(
    openai_server: OpenAIServer, model: str, asked: tuple[int, int] | None, made: tuple[int, int]
) -> None:
    wanted = request(Kind.OUTPAINT, "more of it", model=model, size=asked)
    answer = OPENAI.call(wanted)
    form = form_of(openai_server)
    assert form.mask is not None
    canvas, mask = open_image(form.images[0].content), open_image(form.mask.content)
    assert canvas.getpixel((1, mask.height // 2))[3] == mask.getpixel((1, mask.height // 2))[3] == 0  # type: ignore[index]
    assert mask.getpixel((mask.width // 2, mask.height // 2))[3] == 255  # type: ignore[index]
    result = decode(OPENAI.finish(wanted, answer.content)).image
    left, top = (made[0] - 320) // 2, (made[1] - 240) // 2
    assert (answer.meta["size"], answer.meta["start_image_at"]) == (f"{made[0]}x{made[1]}", [left, top])
    assert "requested" not in answer.meta
    assert result.size == made
    assert result.crop((left, top, left + 320, top + 240)).tobytes() == START.tobytes()
    assert len(result.crop((0, 0, left, made[1])).getcolors(1 << 20) or []) > 50


def test_an_answer_that_does_not_decode_cannot_be_finished() -> None:
    with pytest.raises(InvalidImageError):
        OPENAI.finish(request(Kind.INPAINT), b"no picture")
    with pytest.raises(InvalidImageError):
        OPENAI.finish(request(Kind.OUTPAINT), b"no picture")


@pytest.mark.parametrize(("kind", "tokens"), [(Kind.GENERATE, 1756), (Kind.EDIT, 1113)])
def test_previews_come_before_the_image_on_request(
    openai_server: OpenAIServer, kind: Kind, tokens: int
) -> None:
    seen: list[bytes] = []
    wanted = replace(request(kind, options={"partial_images": 2}), on_partial=seen.append)
    answer = OPENAI.call(wanted)
    assert len(seen) == 2
    assert len({decode(content).image.tobytes() for content in [*seen, answer.content]}) == 3
    assert answer.usage is not None
    assert answer.usage.units[Unit.IMAGE_OUTPUT] == tokens + 200
    assert answer.meta["request_id"] == "req_000001"
    received = openai_server.received[0]
    if kind == Kind.GENERATE:
        assert (received.json()["stream"], received.json()["partial_images"]) == (True, 2)
    else:
        assert form_of(openai_server).fields["stream"] == "true"


def test_fewer_previews_than_asked_are_fine(openai_server: OpenAIServer) -> None:
    openai_server.partials = 1
    seen: list[bytes] = []
    OPENAI.call(replace(request(options={"partial_images": 3}), on_partial=seen.append))
    assert len(seen) == 1


def test_previews_without_a_receiver_are_not_paid_for(openai_server: OpenAIServer) -> None:
    OPENAI.call(request(options={"partial_images": 2}))
    assert "stream" not in openai_server.received[0].json()


def test_the_settings_choose_server_model_and_concurrency(
    openai_server: OpenAIServer, settings: Settings
) -> None:
    settings.OPENAI_MODEL, settings.OPENAI_CONCURRENCY = "gpt-image-2", 3
    assert (OPENAI.default_model(), OPENAI.concurrency(), OPENAI.missing()) == ("gpt-image-2", 3, [])
    settings.OPENAI_API_KEY = ""
    assert OPENAI.missing() == ["OPENAI_API_KEY"]


def test_an_openai_compatible_server_has_its_own_models(
    openai_server: OpenAIServer, settings: Settings
) -> None:
    OPENAI.check(draft(model="stable-diffusion-xl", size=(640, 360)))
    settings.OPENAI_BASE_URL = "https://eu.api.openai.com/v1"
    with pytest.raises(
        InputError, match="'stable-diffusion-xl' is not a model of openai; known: gpt-image-2"
    ):
        OPENAI.check(draft(model="stable-diffusion-xl"))
    settings.OPENAI_MODEL = "gpt-image-3-preview"
    OPENAI.check(draft(model="gpt-image-3-preview"))


def test_an_unknown_model_is_sent_the_requested_values(openai_server: OpenAIServer) -> None:
    body = {"data": [{"b64_json": "aGVsbG8="}], "created": 1}
    openai_server.faults = [Fault(answer=Answer.of_json(body)), Fault(answer=Answer.of_json(body))]
    answer = OPENAI.call(request(model="flux", size=(640, 360)))
    OPENAI.call(request(model="flux"))
    assert openai_server.received[0].json()["size"] == "640x360"
    assert "size" not in openai_server.received[1].json()
    assert (answer.content, answer.usage) == (b"hello", None)
    assert OPENAI.estimate(draft(model="flux")) is None


def test_a_revised_prompt_is_noted(openai_server: OpenAIServer) -> None:
    def revise(answer: Answer) -> Answer:
        body = json.loads(answer.body)
        body["data"][0]["revised_prompt"] = "A tall lighthouse."
        return Answer.of_json(body)

    openai_server.faults = [Fault(edit=revise)]
    assert OPENAI.call(request()).meta["revised_prompt"] == "A tall lighthouse."


@pytest.mark.parametrize(
    ("model", "name", "value", "said"),
    [
        ("gpt-image-2.6-flare", "quality", "hd", "known: low, medium, high, xhigh, max, auto"),
        ("gpt-image-2", "quality", "max", "known: low, medium, high, auto"),
        ("gpt-image-2.6-flare", "quality", 3, "known: low"),
        ("gpt-image-2.6-flare", "background", "white", "known: transparent, opaque, auto"),
        ("gpt-image-2", "background", "transparent", "not supported by gpt-image-2"),
        ("gpt-image-2.6-flare", "output_format", "gif", "known: png, jpeg, webp"),
        ("gpt-image-2.6-flare", "output_compression", 101, "from 0 to 100"),
        ("gpt-image-2.6-flare", "output_compression", 50, "only allowed with output_format 'jpeg' or 'webp'"),
        ("gpt-image-2.6-flare", "moderation", "off", "known: low, auto"),
        ("gpt-image-2.6-flare", "input_fidelity", "high", "not an option of gpt-image-2.6-flare"),
        ("gpt-image-1-mini", "input_fidelity", "high", "known: low"),
        ("gpt-image-2.5-flare", "complexity", "low", "not an option of gpt-image-2.5-flare"),
        ("gpt-image-2.6-flare", "partial_images", 4, "from 0 to 3"),
        ("gpt-image-2.6-flare", "partial_images", True, "from 0 to 3"),
        ("gpt-image-2.6-flare", "style", "vivid", "known: quality, background"),
    ],
)
def test_an_invalid_option_is_refused_with_field_value_and_fix(
    model: str, name: str, value: object, said: str
) -> None:
    with pytest.raises(InputError) as caught:
        OPENAI.check(draft(model=model, options={name: value}))
    assert caught.value.field == f"options.openai.{name}"
    assert repr(value) in str(caught.value)
    assert said in str(caught.value)


def test_conflicting_or_too_long_input_is_refused(settings: Settings) -> None:
    with pytest.raises(InputError, match="not possible with output_format 'jpeg'"):
        OPENAI.check(draft(options={"background": "transparent", "output_format": "jpeg"}))
    with pytest.raises(InputError, match="accepts 32000 characters; the prompt has 32001"):
        OPENAI.check(draft("x" * 32_001))
    settings.MAX_IMAGE_PIXELS = 1_000_000
    with pytest.raises(InputError, match="'2000x2000' has too many pixels"):
        OPENAI.check(draft(kind=Kind.OUTPAINT, size=(2000, 2000)))
    OPENAI.check(draft(kind=Kind.EDIT, size=(2000, 2000), options={"moderation": "low"}))


def test_a_prompt_that_refinement_made_too_long_is_not_sent(openai_server: OpenAIServer) -> None:
    with pytest.raises(VendorError, match="the refined prompt has 32001") as caught:
        OPENAI.call(request(prompt="x" * 32_001))
    assert not caught.value.is_retryable
    assert openai_server.received == []


@pytest.mark.parametrize("kind", sorted(OPENAI.kinds))
@pytest.mark.parametrize("options", [{}, {"quality": "high"}], ids=["auto", "high"])
def test_an_estimate_is_never_less_than_the_usage(
    openai_server: OpenAIServer, kind: Kind, options: Mapping[str, object]
) -> None:
    estimate = OPENAI.estimate(draft(kind=kind, options=options))
    used = OPENAI.call(request(kind, options=options)).usage
    assert estimate is not None
    assert used is not None
    assert {unit: count for unit, count in used.units.items() if count > estimate.units.get(unit, 0)} == {}


def test_an_estimate_uses_their_published_numbers() -> None:
    def output(model: str, size: tuple[int, int], **options: object) -> object:
        found = OPENAI.estimate(draft(model=model, size=size, options=options))
        assert found is not None
        return found.units[Unit.IMAGE_OUTPUT]

    assert output("gpt-image-2", (1024, 1024), quality="high") == 7024
    assert output("gpt-image-2", (1536, 1024), quality="high") == 5488
    assert output("gpt-image-2", (1024, 1024)) == 7024
    assert output("gpt-image-1.5", (1024, 1024), quality="low") == 272
    assert output("gpt-image-1.5", (1024, 1024), quality="low", partial_images=2) == 472
