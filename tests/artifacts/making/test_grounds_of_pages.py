"""Pages show a transparent picture on a contrasting background, and an opaque one without."""

import re
from dataclasses import replace
from typing import Any

import pytest
from django.test import Client

from artifacts.generators.lookbook.generator import Lookbook
from artifacts.generators.moodboard.generator import Moodboard
from artifacts.generators.review_board.generator import ReviewBoard
from artifacts.generators.slideshow.generator import Slideshow
from artifacts.generators.voting_deck.generator import VotingDeck
from artifacts.templatetags.artifact_pages import ground
from tests.artifacts.materials import image_of, material_of
from tests.factories import ProgressionFactory


@pytest.mark.parametrize(
    ("level", "written"), [(None, ""), (0, ' data-ground="0"'), (128, ' data-ground="128"')]
)
def test_only_a_transparent_picture_has_a_background(level: int | None, written: str) -> None:
    assert ground(replace(image_of(1), ground=level)) == written


@pytest.mark.parametrize("generator", [Lookbook(), Moodboard(), ReviewBoard(), Slideshow(), VotingDeck()])
def test_a_page_gives_its_transparent_pictures_a_background(generator: Any) -> None:
    material = material_of(3)
    clear = replace(material.images[1], ground=0)
    material = replace(material, images=(material.images[0], clear, material.images[2]))
    page = generator.generate(material, replace(generator.options(), include="all"))[0].content.decode()
    shown = re.findall(r"<img [^>]*>", page)
    on_black = [tag for tag in shown if ' data-ground="0"' in tag]
    assert on_black
    assert {tag for tag in shown if f'src="{clear.url}"' in tag} == set(on_black)
    assert 'img[data-ground="0"] { background: #000 !important; }' in page


@pytest.mark.django_db
def test_the_home_page_gives_transparent_pictures_a_background(client: Client) -> None:
    ProgressionFactory(ground=0, generated_image_url="/images/aa.webp")
    ProgressionFactory(generated_image_url="/images/bb.webp")
    page = client.get("/").content.decode()
    assert '<img src="/images/aa.webp" data-ground="0"' in page
    assert page.count("data-ground") == 1
