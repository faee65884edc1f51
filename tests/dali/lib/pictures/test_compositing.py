"""Compositing: pixels outside of the mask stay identical, whatever size the model paints in."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dali.lib.pictures.compositing import (
    Frame,
    OutpaintPlan,
    alpha_mask,
    keep_unmasked,
    outpainted,
    plan_outpaint,
    png,
    repainted,
)
from dali.lib.pictures.images import InvalidImageError
from tests.progressions.pictures import landscape, mask_of


def noise(size: tuple[int, int], mode: str, seed: int) -> Image.Image:
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 256, (size[1], size[0], len(mode)), dtype=np.uint8), mode)


def open_png(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    assert image.format == "PNG"
    return image


@given(st.sampled_from(["RGB", "RGBA"]), st.sampled_from(["RGB", "RGBA"]), st.integers(0, 1000))
@settings(max_examples=40, deadline=None)
def test_unmasked_pixels_come_from_the_start_image_and_masked_ones_from_the_answer(
    start_mode: str, answer_mode: str, seed: int
) -> None:
    size = (37, 23)
    start, answer = noise(size, start_mode, seed), noise(size, answer_mode, seed + 1)
    shares = (
        np.random.default_rng(seed).choice([0, 0, 1, 64, 127, 128, 254, 255, 255], (23, 37)).astype(np.uint8)
    )
    made = keep_unmasked(start, Image.fromarray(shares, "L"), answer)
    mode = "RGBA" if "RGBA" in (start_mode, answer_mode) else "RGB"
    assert (made.mode, made.size) == (mode, size)
    result, before, after = (np.asarray(image.convert(mode)) for image in (made, start, answer))
    assert np.array_equal(result[shares == 0], before[shares == 0])
    assert np.array_equal(result[shares == 255], after[shares == 255])
    alphas = (shares > 0) & (shares < 255)
    if mode == "RGB":
        blend = before + (after.astype(float) - before) * shares[..., None] / 255
        assert np.abs(result[alphas] - blend[alphas]).max() <= 1


def test_blending_takes_no_colour_from_invisible_pixels() -> None:
    clear, red = Image.new("RGBA", (1, 1), (0, 255, 0, 0)), Image.new("RGBA", (1, 1), (255, 0, 0, 255))
    assert keep_unmasked(clear, Image.new("L", (1, 1), 128), red).getpixel((0, 0)) == (255, 0, 0, 128)


@pytest.mark.parametrize("canvas", [(320, 240), (1024, 768), (1024, 1024), (1536, 1024), (200, 600)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_inpaint_of_any_size_keeps_the_start_image_outside_of_the_mask(
    canvas: tuple[int, int], mode: str
) -> None:
    start = landscape((320, 240)).convert(mode)
    if mode == "RGBA":
        start.putpixel((1, 1), (9, 8, 7, 3))
    mask = mask_of(start.size, (100, 60, 219, 179))
    frame = Frame.around(start.size, canvas)
    shown = frame.put(start)
    assert (shown.size, shown.mode) == (canvas, mode)
    answer = Image.new("RGB", canvas, (200, 10, 10))
    made = open_png(repainted(png(start), mask, png(answer), frame))
    after, before = np.asarray(made), np.asarray(start)
    inside = np.zeros((240, 320), bool)
    inside[60:180, 100:220] = True
    assert made.mode == mode
    assert np.array_equal(after[~inside], before[~inside])
    assert (after[inside][:, :3] == (200, 10, 10)).all()


@pytest.mark.parametrize("canvas", [(1024, 1024), (1536, 1024), (640, 480), (333, 999)])
def test_a_frame_returns_its_content_at_the_same_place(canvas: tuple[int, int]) -> None:
    start = landscape((320, 240))
    frame = Frame.around(start.size, canvas)
    for scale in (1, 2):  # the answer may be larger than requested
        shown = frame.put(start)
        answer = shown.resize((shown.width * scale, shown.height * scale), Image.Resampling.LANCZOS)
        back = frame.take(answer, start.size)
        apart = np.abs(np.asarray(back).astype(int) - np.asarray(start))
        assert back.size == start.size
        assert apart.mean() < 3


def test_a_frame_keeps_the_area_around_the_picture() -> None:
    frame = Frame.around((100, 50), (200, 200))
    assert (frame.box, frame.is_full) == ((0, 50, 200, 150), False)
    mask = frame.put_mask(Image.new("L", (100, 50), 255))
    assert np.array_equal(np.unique(np.asarray(mask)[:50]), [0])
    assert np.array_equal(np.unique(np.asarray(mask)[50:150]), [255])


def test_a_nearly_fitting_canvas_is_filled() -> None:
    assert Frame.around((1000, 752), (1008, 752)).is_full
    assert not Frame.around((1000, 752), (1104, 752)).is_full


@pytest.mark.parametrize(
    ("start", "asked", "canvas", "at"),
    [
        ((320, 240), None, (480, 360), (80, 60)),
        ((320, 240), (640, 240), (640, 240), (160, 0)),
        ((320, 240), (100, 500), (320, 500), (0, 130)),
        ((320, 240), (100, 100), (480, 360), (80, 60)),
    ],
)
def test_an_outpaint_is_planned_around_the_start_image(
    start: tuple[int, int], asked: tuple[int, int] | None, canvas: tuple[int, int], at: tuple[int, int]
) -> None:
    assert plan_outpaint(start, asked) == OutpaintPlan(canvas, start, at)


def test_an_outpaint_grows_no_further_than_allowed() -> None:
    canvas = plan_outpaint((7000, 7000), None, most_pixels=50_000_000).canvas
    assert 49_000_000 <= canvas[0] * canvas[1] <= 50_000_000


@pytest.mark.parametrize("size", [(480, 360), (1536, 1024), (1024, 1024)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_an_outpaint_keeps_every_pixel_of_the_start_image(size: tuple[int, int], mode: str) -> None:
    start = landscape((320, 240)).convert(mode)
    if mode == "RGBA":
        start.putpixel((5, 5), (1, 2, 3, 0))
    plan = plan_outpaint(start.size, None)
    canvas, mask = plan.canvas_with(start), plan.mask()
    assert canvas.getpixel((0, 0)) == (0, 0, 0, 0)
    assert [mask.getpixel((79, 60)), mask.getpixel((80, 60)), mask.getpixel((399, 299))] == [255, 0, 0]
    frame = Frame.around(plan.canvas, size)
    assert frame.put(canvas).size == frame.put_mask(mask).size == size
    made = open_png(outpainted(png(start), png(Image.new("RGB", size, (4, 5, 6))), plan, frame))
    assert made.size == (480, 360)
    assert made.crop((80, 60, 400, 300)).tobytes() == start.tobytes()
    assert made.getpixel((0, 0))[:3] == (4, 5, 6)  # type: ignore[index] # a tuple, as the mode has bands


def test_the_same_input_gives_the_same_bytes() -> None:
    start, mask = png(landscape()), mask_of((320, 240), (10, 10, 99, 99))
    answer = png(landscape((512, 384), seed=3))
    assert repainted(start, mask, answer) == repainted(start, mask, answer)


def test_an_alpha_mask_is_transparent_where_it_is_to_be_repainted() -> None:
    mask = Image.fromarray(np.array([[0, 100, 255]], np.uint8), "L")
    assert np.asarray(alpha_mask(mask))[..., 3].tolist() == [[255, 155, 0]]


def test_an_answer_that_does_not_decode_is_an_invalid_image() -> None:
    start = png(landscape())
    with pytest.raises(InvalidImageError):
        repainted(start, mask_of((320, 240), (0, 0, 9, 9)), b"no picture")
    with pytest.raises(InvalidImageError):
        outpainted(start, start[:500], plan_outpaint((320, 240), None))
    with pytest.raises(InvalidImageError, match="planned size"):
        outpainted(start, start, plan_outpaint((10, 10), None))
