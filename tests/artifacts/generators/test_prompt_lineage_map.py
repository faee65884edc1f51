"""The map of images: parents and children, labels on edges, and how many thumbnails load at once."""

import json
import re
from dataclasses import replace
from typing import Any

from artifacts.generator import generators
from artifacts.generators.prompt_lineage_map.generator import AT_ONCE, PromptLineageMapOptions
from artifacts.material import ImageFacts, Material
from tests.artifacts.materials import image_of, material_of


def of(*images: ImageFacts) -> Material:
    """Material of these images."""
    return replace(material_of(1), images=images)


def page_of(material: Material, **options: Any) -> str:
    """The page."""
    made = generators.get("promptLineageMap").generate(material, PromptLineageMapOptions(**options))
    return made[0].content.decode()


def facts(page: str) -> list[dict[str, Any]]:
    """The data about each image that the page gives its script."""
    found = re.search(r'<script id="images" type="application/json">(.*?)</script>', page)
    assert found
    known: list[dict[str, Any]] = json.loads(found[1])
    return known


DUSK = image_of(0, prompt="a lighthouse at dusk")
DAWN = image_of(1, prompt="a lighthouse at dawn", parent=0)
BOAT = image_of(2, prompt="a lighthouse at dawn, a red boat", parent=1)


def test_an_edge_says_which_words_were_added_and_removed() -> None:
    page = page_of(of(DUSK, DAWN, BOAT))
    assert re.findall(r'class="added".*?<tspan x="\d+">(.*?)</tspan>', page) == ["dawn", "a red boat"]
    assert re.findall(r'class="removed".*?<tspan class="gone" x="\d+">(.*?)</tspan>', page) == ["dusk"]
    assert 'class="added"' not in page_of(of(DUSK, DAWN, BOAT), changes=False)


def test_siblings_with_the_same_words_do_not_repeat_them() -> None:
    twin = replace(image_of(3, prompt=DAWN.prompt, parent=0), url=BOAT.url)
    page = page_of(of(DUSK, DAWN, twin))
    assert page.count('class="added"') == 1
    assert [one["added"] for one in facts(page)] == [[], ["dawn"], ["dawn"]]


def test_images_are_placed_to_the_right_of_their_parents() -> None:
    first, second, third = facts(page_of(of(DUSK, DAWN, BOAT)))
    assert [one["parent"] for one in (first, second, third)] == [None, 0, 1]
    assert first["x"] < second["x"] < third["x"]
    assert first["y"] == second["y"] == third["y"]


def test_first_images_of_one_prompt_share_one_head() -> None:
    page = page_of(of(DUSK, image_of(3, prompt=DUSK.prompt), image_of(4, prompt="a harbour")))
    assert "2 first prompts" in page
    assert page.count("<rect") == 2 + 3


def test_an_image_is_attached_to_its_nearest_visible_ancestor() -> None:
    failed = replace(DAWN, judgment="fail")
    passed = (replace(DUSK, judgment="pass"), failed, replace(BOAT, judgment="pass"))
    known = facts(page_of(of(*passed), include="passed"))
    assert [one["parent"] for one in known] == [None, 0]
    assert known[1]["added"] == ["dawn, a red boat"]


def test_a_cycle_of_parents_is_cut() -> None:
    one, other = replace(DUSK, parent_id=DAWN.id), DAWN
    assert [fact["parent"] for fact in facts(page_of(of(one, other)))] == [None, 0]
    self_made = replace(DUSK, parent_id=DUSK.id)
    assert [fact["parent"] for fact in facts(page_of(of(self_made)))] == [None]


def test_a_start_image_of_another_branch_is_a_second_parent_with_a_dashed_edge() -> None:
    harbour = image_of(3, prompt="a harbour")
    mixed = replace(image_of(4, prompt="a harbour, lit", parent=3), start_url=BOAT.url)
    page = page_of(of(DUSK, DAWN, BOAT, harbour, mixed))
    assert [one["source"] for one in facts(page)] == [None, None, None, None, 2]
    seconds = re.search(r'<g class="seconds".*?</g>', page, re.DOTALL)
    assert seconds
    assert seconds[0].count("<path") == 1


def test_a_start_image_that_is_the_parent_needs_no_second_edge() -> None:
    edit = replace(DAWN, start_url=DUSK.url)
    assert [one["source"] for one in facts(page_of(of(DUSK, edit)))] == [None, None]


def test_a_rollback_points_back_to_the_picture_that_it_shares() -> None:
    back = replace(image_of(4, prompt=BOAT.prompt, parent=2), kind="rollback", url=DUSK.url)
    assert facts(page_of(of(DUSK, DAWN, BOAT, back)))[3]["source"] == 0


def test_large_maps_load_only_the_first_thumbnails_at_once() -> None:
    page = page_of(of(*(image_of(number) for number in range(AT_ONCE + 5))))
    assert len(re.findall(r"<image href=", page)) == AT_ONCE
    assert len(re.findall(r"<image data-href=", page)) == 5


def test_a_chain_of_hundreds_is_drawn_and_its_list_stays_readable() -> None:
    chain = [image_of(number, parent=number - 1 if number else None) for number in range(400)]
    page = page_of(of(*chain))
    assert len(facts(page)) == 400
    text = page[page.index('id="again"') :]
    depth = deepest = 0
    for tag in re.findall(r"</?ul", text):
        depth += 1 if tag == "<ul" else -1
        deepest = max(deepest, depth)
    assert (depth, deepest) == (0, 8)
    assert text.count("<li>") == text.count("</li>") == 400


def test_the_list_nests_each_image_in_its_parent() -> None:
    page = page_of(of(DUSK, DAWN, BOAT, image_of(3, prompt="a lighthouse", parent=0)))
    text = re.sub(
        r"\s+", "", page[page.index('id="again"') : page.index("</section>", page.index('id="again"'))]
    )
    numbers = re.sub(r"<(?!/?(?:ul|li|strong))[^>]*>", "", text)
    order = re.findall(r"</?ul|</?li|<strong>\d+", numbers)
    assert [mark.removeprefix("<") for mark in order] == [
        "ul", "li", "strong>1", "ul", "li", "strong>2", "ul", "li", "strong>3", "/li", "/ul", "/li",
        "li", "strong>4", "/li", "/ul", "/li", "/ul",
    ]  # fmt: skip
