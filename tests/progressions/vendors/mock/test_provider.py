"""The mock provider: its pictures, what it keeps of start images, and its simulated faults."""

import hashlib
import itertools
import subprocess
import sys
import time
from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pytest
from django.conf import settings
from PIL import Image

from dali.lib.clock import Deadline
from dali.lib.errors import InputError
from dali.lib.pictures import measures
from dali.lib.pictures.colour.names import hsv, share
from dali.lib.pictures.images import InvalidImageError, decode, decode_mask
from dali.lib.pictures.phash import distance, fingerprint
from progressions.enums import Code, Kind
from progressions.errors import ProviderError
from progressions.provider import Draft, ProviderImage, ProviderRequest
from progressions.vendors.mock.provider import MockProvider
from tests.progressions.pictures import landscape, mask_of, png

MOCK = MockProvider()
START = landscape((320, 240))
LIGHTHOUSE = "a lighthouse at dusk, oil on canvas"


def ask(
    prompt: str = LIGHTHOUSE,
    kind: Kind = Kind.GENERATE,
    *,
    seed: int = 1,
    variant: int = 0,
    attempt: int = 1,
    size: tuple[int, int] | None = (256, 256),
    start: Image.Image | None = None,
    mask: bytes | None = None,
    options: Mapping[str, object] | None = None,
    within_s: float = 30,
) -> ProviderImage:
    return MOCK.call(
        ProviderRequest(
            kind=kind,
            prompt=prompt,
            seed=seed,
            model="mock-painter-1",
            deadline=Deadline.after(within_s),
            variant_index=variant,
            attempt=attempt,
            size=size,
            start_image=None if start is None else png(start),
            mask=mask,
            options=options or {},
        )
    )


def painted(prompt: str, kind: Kind = Kind.GENERATE, **asked: object) -> Image.Image:
    return decode(ask(prompt, kind, **asked).content).image  # type: ignore[arg-type]


def lightness(image: Image.Image) -> float:
    return float(np.asarray(image.convert("L")).mean())


def test_the_same_request_gives_the_same_bytes() -> None:
    assert ask().content == ask().content


def test_the_same_request_gives_the_same_bytes_in_another_process() -> None:
    code = (
        "import django; django.setup()\n"
        "import hashlib\n"
        "from tests.progressions.vendors.mock.test_provider import ask\n"
        "print(hashlib.sha256(ask().content).hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=settings.BASE_DIR,
        env={"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONHASHSEED": "12345"},
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout.strip() == hashlib.sha256(ask().content).hexdigest()


@pytest.mark.parametrize(
    "changed",
    [{"seed": 2}, {"variant": 1}, {"prompt": "a lighthouse at dawn, oil on canvas"}, {"size": (256, 320)}],
    ids=["seed", "variant", "prompt", "size"],
)
def test_another_seed_variant_prompt_or_size_gives_another_picture(changed: dict[str, object]) -> None:
    assert ask(**changed).content != ask().content  # type: ignore[arg-type]


@pytest.mark.parametrize("prompt", [LIGHTHOUSE, "mountains at dawn", "abstract shapes in teal and orange"])
def test_variants_are_not_near_duplicates(prompt: str) -> None:
    prints = [fingerprint(decode(ask(prompt, seed=seed).content)) for seed in range(12)]
    apart = [distance(a, b) for a, b in itertools.combinations(prints, 2)]
    assert min(apart) > settings.DUPLICATE_DISTANCE


@pytest.mark.parametrize("size", [(64, 64), (64, 2048), (777, 333), (2048, 64)])
def test_the_requested_size_is_made(size: tuple[int, int]) -> None:
    answer = ask("a castle by a lake", size=size)
    assert decode(answer.content).image.size == size
    assert answer.meta["requested"] == {"size": f"{size[0]}x{size[1]}"}
    assert answer.meta["size"] == f"{size[0]}x{size[1]}"


def test_the_default_size_is_1024_by_1024() -> None:
    assert painted("a boat", size=None).size == (1024, 1024)


def test_a_picture_costs_nothing_and_lists_the_words_it_used() -> None:
    answer = ask()
    assert answer.cost_usd == Decimal(0)
    assert answer.seed == 1
    assert answer.model == "mock-painter-1"
    assert answer.meta["understood"] == ["dusk", "lighthouse", "oil"]


def test_night_is_dark_and_day_is_bright() -> None:
    nights = [lightness(painted("mountains at night", seed=seed)) for seed in range(4)]
    days = [lightness(painted("mountains on a sunny day", seed=seed)) for seed in range(4)]
    assert max(nights) < min(days)


@pytest.mark.parametrize("name", ["red", "green", "blue", "purple", "yellow", "white"])
def test_a_named_colour_is_visible(name: str) -> None:
    assert share(hsv(painted(f"a {name} boat at sea")), name) > 0.004


def test_treatments_are_visible() -> None:
    plain, pixels = painted("a castle", size=(512, 512)), painted("a castle, pixel art", size=(512, 512))
    drawn, grey = painted("a castle, line drawing"), painted("a castle, black and white")
    assert len(pixels.getcolors(1 << 20) or []) <= 28 < len(plain.getcolors(1 << 20) or [])
    assert lightness(drawn) > 150
    assert measures.saturation(drawn) < 20
    assert measures.saturation(grey) == 0
    edges = measures.difference(
        painted("a castle, watercolour"), Image.new("RGB", (256, 256), (250, 247, 240))
    )
    assert edges[:2].mean() < 12  # white paper around the wash


def test_excluded_things_are_not_painted() -> None:
    assert ask("a lake without boats").meta["understood"] == ["lake"]


@pytest.mark.parametrize(
    "prompt", ["make it night", "sepia", "warmer", "purple", "add a moon", "oil painting", "hm"]
)
def test_an_edit_changes_the_start_image_and_stays_related(prompt: str) -> None:
    edited = painted(prompt, Kind.EDIT, size=None, start=START)
    assert edited.size == START.size
    assert (measures.difference(edited, START) > 12).mean() > 0.2
    assert measures.likeness(edited, START) > 0.3


def test_an_edit_follows_its_prompt() -> None:
    night = painted("make it night", Kind.EDIT, size=None, start=START)
    sepia = np.asarray(painted("sepia", Kind.EDIT, size=None, start=START), np.int16).reshape(-1, 3)
    purple = painted("turn it purple", Kind.EDIT, size=None, start=START)
    assert lightness(night) < 0.6 * lightness(START)
    assert (sepia[:, 0] >= sepia[:, 2]).mean() > 0.99
    assert share(hsv(purple), "purple") > 0.3 > share(hsv(START), "purple")


def test_siblings_of_an_edit_are_not_near_duplicates() -> None:
    large = decode(ask("a lighthouse", size=(512, 512)).content).image
    prints = [
        fingerprint(decode(ask("make it night", Kind.EDIT, seed=seed, size=None, start=large).content))
        for seed in range(6)
    ]
    assert min(distance(a, b) for a, b in itertools.combinations(prints, 2)) > settings.DUPLICATE_DISTANCE


@pytest.mark.parametrize("prompt", ["a red boat", "a green forest", "something else"])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_inpaint_changes_only_the_masked_part(prompt: str, mode: str) -> None:
    start = START.convert(mode)
    if mode == "RGBA":
        start.putpixel((3, 3), (10, 20, 30, 0))
    result = painted(
        prompt, Kind.INPAINT, size=None, start=start, mask=mask_of(START.size, (100, 60, 219, 179))
    )
    before, after = np.asarray(start), np.asarray(result)
    inside = np.zeros(before.shape[:2], bool)
    inside[60:180, 100:220] = True
    assert result.mode == mode
    assert np.array_equal(before[~inside], after[~inside])
    assert (np.abs(before[inside].astype(int) - after[inside]).max(axis=1) > 12).mean() > 0.3


@pytest.mark.parametrize("prompt", ["a red boat", "a small house", "a full moon"])
def test_variants_of_an_inpaint_differ_in_the_repainted_part(prompt: str) -> None:
    mask = mask_of(START.size, (100, 60, 219, 179))
    prints = [
        fingerprint(
            decode(ask(prompt, Kind.INPAINT, size=None, start=START, mask=mask, seed=seed).content),
            decode_mask(mask),
        )
        for seed in range(4)
    ]
    near = [
        (a, b) for a, b in itertools.combinations(prints, 2) if distance(a, b) <= settings.DUPLICATE_DISTANCE
    ]
    assert len(near) <= 1  # of 6 pairs; a house may appear twice in nearly the same place


def test_an_inpaint_of_everything_and_of_nothing_works() -> None:
    whole = painted(
        "a boat", Kind.INPAINT, size=None, start=START, mask=mask_of(START.size, (0, 0, 319, 239))
    )
    nothing = painted(
        "a boat", Kind.INPAINT, size=None, start=START, mask=mask_of(START.size, (-9, -9, -5, -5))
    )
    assert whole.size == START.size
    assert nothing.tobytes() == START.tobytes()


@pytest.mark.parametrize(
    ("asked", "made"), [(None, (480, 360)), ((640, 240), (640, 240)), ((100, 500), (320, 500))]
)
def test_an_outpaint_keeps_every_pixel_of_the_start_image(
    asked: tuple[int, int] | None, made: tuple[int, int]
) -> None:
    answer = ask("more of it", Kind.OUTPAINT, size=asked, start=START)
    result = decode(answer.content).image
    left, top = (made[0] - 320) // 2, (made[1] - 240) // 2
    assert result.size == made
    assert answer.meta["start_image_at"] == [left, top]
    assert result.crop((left, top, left + 320, top + 240)).tobytes() == START.tobytes()


def test_variations_are_related_and_not_near_duplicates() -> None:
    large = decode(ask("a lighthouse", size=(512, 512)).content).image
    found = [painted("a lighthouse", Kind.VARIATION, seed=seed, size=None, start=large) for seed in range(5)]
    assert all(measures.palette_likeness(result, large) > 0.28 for result in found)
    prints = [fingerprint(decode(png(image))) for image in [large, *found]]
    assert min(distance(a, b) for a, b in itertools.combinations(prints, 2)) > settings.DUPLICATE_DISTANCE


@pytest.mark.parametrize(
    ("start", "asked", "made"),
    [((320, 240), None, (640, 480)), ((320, 240), (500, 500), (500, 500)), ((1600, 100), None, (2048, 128))],
)
def test_an_upscale_is_larger(
    start: tuple[int, int], asked: tuple[int, int] | None, made: tuple[int, int]
) -> None:
    before = landscape(start)
    result = painted("sharper", Kind.UPSCALE, size=asked, start=before)
    assert result.size == made
    if asked is None:
        assert measures.difference(before, result).mean() < 6


def test_an_upscale_beyond_its_limit_is_refused_permanently() -> None:
    with pytest.raises(ProviderError) as caught:
        ask("larger", Kind.UPSCALE, size=None, start=landscape((2048, 64)))
    assert (caught.value.code, caught.value.is_retryable) == (Code.PROVIDER_ERROR, False)
    assert "2048x64" in str(caught.value)


@pytest.mark.parametrize("kind", [kind for kind in Kind if kind != Kind.GENERATE])
def test_a_kind_without_its_start_image_is_refused_permanently(kind: Kind) -> None:
    with pytest.raises(ProviderError) as caught:
        ask("x", kind)
    assert (caught.value.code, caught.value.is_retryable) == (Code.PROVIDER_ERROR, False)


@pytest.mark.parametrize("fault", ["refused", "rate_limited", "provider_error"])
def test_a_fault_has_its_outcome(fault: str) -> None:
    with pytest.raises(ProviderError) as caught:
        ask(options={"fault": fault, "retry_after_s": 2})
    assert caught.value.code == Code(fault)
    assert caught.value.is_retryable == (fault != "refused")
    assert caught.value.retry_after_s == (2 if fault == "rate_limited" else None)


@pytest.mark.parametrize(
    ("latency_s", "within_s", "least_s"), [(0.0, 300, 0.0), (0.3, 300, 0.3), (900, 0.3, 0.3)]
)
def test_a_timeout_takes_the_latency_and_not_the_whole_deadline(
    latency_s: float, within_s: float, least_s: float
) -> None:
    began = time.monotonic()
    with pytest.raises(ProviderError) as caught:
        ask(options={"fault": "timeout", "latency_s": latency_s}, within_s=within_s)
    assert caught.value.code == Code.TIMEOUT
    assert least_s <= time.monotonic() - began < 100


def test_latency_is_waited_for_but_not_beyond_the_deadline() -> None:
    began = time.monotonic()
    ask(options={"latency_s": 0.2})
    assert time.monotonic() - began >= 0.2
    with pytest.raises(ProviderError) as caught:
        ask(options={"latency_s": 60}, within_s=0.2)
    assert caught.value.code == Code.TIMEOUT


def test_a_corrupt_answer_does_not_decode() -> None:
    with pytest.raises(InvalidImageError):
        decode(ask(options={"fault": "corrupt"}).content)


def test_a_duplicate_is_the_same_picture_for_every_seed_and_variant() -> None:
    options = {"fault": "duplicate"}
    assert ask(options=options).content == ask(options=options, seed=9, variant=4).content


def test_a_fault_can_be_limited_to_the_first_attempts() -> None:
    options = {"fault": "provider_error", "fault_attempts": 2}
    for attempt in (1, 2):
        with pytest.raises(ProviderError):
            ask(options=options, attempt=attempt)
    assert ask(options=options, attempt=3).content == ask().content


def test_a_fault_can_be_limited_to_some_variants() -> None:
    options = {"fault": "refused", "fault_variants": [1, 3]}
    assert ask(options=options, variant=0).content == ask(variant=0).content
    with pytest.raises(ProviderError):
        ask(options=options, variant=3)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("latency_s", -1, "from 0 to 3600"),
        ("latency_s", "2", "from 0 to 3600"),
        ("latency_s", True, "from 0 to 3600"),
        ("latency_s", float("nan"), "from 0 to 3600"),
        ("retry_after_s", 4000, "from 0 to 3600"),
        ("fault", "explode", "corrupt, duplicate, provider_error, rate_limited, refused, timeout"),
        ("fault", None, "known"),
        ("fault_attempts", 0, "from 1 to 20"),
        ("fault_attempts", 1.5, "from 1 to 20"),
        ("fault_variants", [], "list of variant indexes"),
        ("fault_variants", [0, -1], "whole number from 0"),
        ("fault_variants", "0", "list of variant indexes"),
        ("colour", "red", "fault, fault_attempts, fault_variants, latency_s, retry_after_s"),
    ],
)
def test_an_invalid_option_is_refused_with_field_value_and_fix(name: str, value: object, said: str) -> None:
    with pytest.raises(InputError) as caught:
        MOCK.check(Draft(Kind.GENERATE, "x", "mock-painter-1", None, {name: value}))
    assert caught.value.field == f"options.mock.{name}"
    assert repr(value) in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize("size", [(63, 100), (100, 2049)])
def test_a_size_out_of_bounds_is_refused(size: tuple[int, int]) -> None:
    with pytest.raises(InputError, match="64 to 2048") as caught:
        MOCK.check(Draft(Kind.GENERATE, "x", "mock-painter-1", size, {}))
    assert caught.value.field == "size"
