"""Fingerprints: altered pictures stay near, different ones far, even if they have hardly any structure."""

from itertools import combinations

from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from dali.lib.pictures import phash
from dali.lib.pictures.images import Picture
from tests.bench.pictures import Sample, alterations_of, samples

DIGITS = st.one_of(*(st.text("0123456789abcdef", min_size=size, max_size=size) for size in (64, 184)))


def fingerprint_of(image: Image.Image) -> str:
    return phash.fingerprint(Picture(image, "image/png"))


def distance_of_colours(one: str, other: str) -> int:
    size = (64, 64)
    return phash.distance(
        fingerprint_of(Image.new("RGB", size, one)), fingerprint_of(Image.new("RGB", size, other))
    )


def test_different_pictures_are_further_apart_than_the_threshold() -> None:
    found = [(sample, fingerprint_of(sample.image)) for sample in samples(3)]
    assert len(found) == 48
    near = [
        (one.sort, other.sort)
        for (one, a), (other, b) in combinations(found, 2)
        if phash.distance(a, b) <= settings.DUPLICATE_DISTANCE
    ]
    assert near == []


def test_altered_pictures_are_nearer_than_the_threshold() -> None:
    missed, count = 0, 0
    for sample in samples(3, siblings=1):
        own = fingerprint_of(sample.image)
        for _, altered in alterations_of(sample):
            count += 1
            missed += phash.distance(own, fingerprint_of(altered)) > settings.DUPLICATE_DISTANCE
    assert count == 3 * (7 * 16 + 13)
    assert missed <= count * 0.04  # 1.8 % of all pictures of docs/duplicates.md


def test_the_same_picture_has_distance_0_however_it_is_stored() -> None:
    sample: Sample = next(samples(1))
    grown = sample.image.resize((sample.image.width * 3, sample.image.height * 3), Image.Resampling.NEAREST)
    assert phash.distance(fingerprint_of(sample.image), fingerprint_of(grown)) == 0


def test_flat_pictures_differ_only_by_colour() -> None:
    assert distance_of_colours("#204060", "#204060") == 0
    assert distance_of_colours("#204060", "#214161") <= settings.DUPLICATE_DISTANCE
    assert distance_of_colours("#204060", "#604020") > settings.DUPLICATE_DISTANCE
    assert distance_of_colours("#000000", "#181818") > settings.DUPLICATE_DISTANCE
    assert distance_of_colours("#ffffff", "#e0e0e0") > settings.DUPLICATE_DISTANCE


def test_a_picture_of_one_pixel_or_one_line_has_a_fingerprint() -> None:
    for size in ((1, 1), (2000, 1), (1, 2000)):
        assert len(fingerprint_of(Image.new("RGB", size, "teal"))) == 64


@given(DIGITS, DIGITS)
def test_the_distance_is_symmetric_and_never_below_that_of_the_structures(a: str, b: str) -> None:
    apart = phash.distance(a, b)
    assert apart == phash.distance(b, a)
    assert (phash.structure(a) ^ phash.structure(b)).bit_count() <= apart <= phash.MOST_DISTANCE
    assert phash.distance(a, a) == 0


def test_only_the_masked_part_counts() -> None:
    def with_spot(colour: str) -> Picture:
        image = next(samples(1)).image.resize((512, 512))
        image.paste(colour, (400, 40, 440, 80))
        return Picture(image, "image/png")

    area = Image.new("L", (256, 256))
    area.paste(255, (200, 20, 220, 40))
    red, blue = with_spot("#a02020"), with_spot("#2020a0")
    assert phash.distance(phash.fingerprint(red), phash.fingerprint(blue)) <= settings.DUPLICATE_DISTANCE
    assert (
        phash.distance(phash.fingerprint(red, area), phash.fingerprint(blue, area))
        > settings.DUPLICATE_DISTANCE
    )
    assert phash.fingerprint(red, area) == fingerprint_of(Image.new("RGB", (40, 40), "#a02020"))


def test_an_empty_mask_means_the_whole_picture() -> None:
    picture = Picture(next(samples(1)).image, "image/png")
    assert phash.fingerprint(picture, Image.new("L", (8, 8))) == phash.fingerprint(picture)
