"""OpenAI's image models: every requested size becomes a legal one of similar shape."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressions.vendors.openai.image_models import FIXED_SIZES, MODELS, capped, family_of

SIDES = st.integers(1, 12_000)


@given(SIDES, SIDES)
def test_any_size_becomes_a_legal_one_of_similar_shape(width: int, height: int) -> None:
    made = family_of("gpt-image-2.6-flare").nearest((width, height))
    assert made[0] % 16 == made[1] % 16 == 0
    assert max(made) <= min(3840, 3 * min(made))
    assert 655_360 <= made[0] * made[1] <= 8_294_400
    ratio = min(max(width / height, 1 / 3), 3)
    assert abs(math.log(made[0] / made[1]) - math.log(ratio)) < 0.05
    assert family_of("gpt-image-2.6-flare").nearest(made) == made


@given(SIDES, SIDES)
def test_models_of_three_sizes_get_one_of_them(width: int, height: int) -> None:
    made = family_of("gpt-image-1.5").nearest((width, height))
    assert made in FIXED_SIZES
    assert (made[0] > made[1]) <= (width > height)


@given(SIDES, SIDES, st.integers(1, 10_000_000))
def test_a_capped_size_keeps_its_shape_and_has_no_more_pixels(width: int, height: int, most: int) -> None:
    made = capped((width, height), most)
    assert made == (width, height) or made[0] * made[1] <= most * 1.1 + max(made)


@pytest.mark.parametrize("model", MODELS)
def test_every_known_model_has_its_own_family(model: str) -> None:
    assert not family_of(model).is_open


def test_an_unknown_model_gets_the_requested_size() -> None:
    assert family_of("flux").nearest((123, 45)) == (123, 45)
