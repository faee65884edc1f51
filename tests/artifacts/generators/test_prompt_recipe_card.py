"""The recipe card: which image it shows, what it says, and a command for the shell."""

import json
import shlex
from dataclasses import replace
from typing import Any

import pytest

from artifacts.generator import EmptyMaterialError, generators
from artifacts.generators.prompt_recipe_card.generator import RecipeOptions
from artifacts.generators.prompt_recipe_card.recipe import MASK, curl_command, job_body
from artifacts.material import ImageFacts, JobFacts, Material
from dali.lib.errors import InputError
from tests.artifacts.materials import HOSTILE, image_of, job_of, material_of, uuid_of, variant_of


def page_of(material: Material, **options: Any) -> str:
    (file,) = generators.get("promptRecipeCard").generate(material, RecipeOptions(**options))
    return file.content.decode()


def sent_by(command: str) -> dict[str, Any]:
    """The body that the shell would send."""
    words = shlex.split(command)
    assert words[:2] == ["curl", "-sS"]
    assert words[-2] == "-d"
    body: dict[str, Any] = json.loads(words[-1])
    return body


def with_job(image: ImageFacts, **fields: Any) -> Material:
    job: JobFacts = replace(job_of(0, range(4), ""), **fields)
    others = tuple(one for one in material_of(4).images if one.id != image.id)
    return replace(material_of(4), images=(*others, image), jobs=(job,))


def test_the_card_shows_the_newest_image_that_passed() -> None:
    material = material_of(8)
    page = page_of(material)
    assert page.count("<article") == 1
    assert material.images[7].judgment == "pass"
    assert f'<h2 id="recipe-1">{material.images[7].prompt}</h2>' in page


def test_without_a_passed_image_the_card_shows_the_newest_unjudged_one() -> None:
    images = (replace(image_of(1), judgment="fail"), replace(image_of(2), judgment=None))
    page = page_of(replace(material_of(0), images=images), most=2)
    assert page.index("number 2</h2>") < page.index("number 1</h2>")


def test_an_image_can_be_chosen_by_id() -> None:
    page = page_of(material_of(8), image_id=str(uuid_of(2)))
    assert page.count("<article") == 1
    assert "number 2</h2>" in page


def test_an_image_of_another_project_is_refused_by_name() -> None:
    with pytest.raises(InputError) as caught:
        page_of(material_of(3), image_id="nope")
    assert caught.value.field == "options.image_id"
    assert str(caught.value) == "'nope' is not an image of these projects"


def test_a_rolled_back_image_names_the_original() -> None:
    back = replace(image_of(2, parent=1), kind="rollback")
    with pytest.raises(InputError, match=str(uuid_of(1))):
        page_of(replace(material_of(0), images=(image_of(1), back)), image_id=str(uuid_of(2)))
    with pytest.raises(EmptyMaterialError, match="no images yet"):
        page_of(replace(material_of(0), images=(back,)))


def test_words_added_by_refinement_are_marked() -> None:
    assert "number 3<ins>, soft light</ins></p>" in page_of(material_of(4))


def test_unknown_facts_are_shown_as_unknown() -> None:
    image = replace(image_of(3), cost_usd=None, seed=None, job_id=None)
    page = page_of(replace(material_of(0), images=(image,)))
    assert "<dt>Cost</dt><dd>not known</dd>" in page
    assert "<dt>Seed</dt><dd>not known</dd>" in page
    assert "<dt>Time</dt><dd>not known</dd>" in page


def test_the_command_requests_the_same_image() -> None:
    material = material_of(8)
    body = sent_by(curl_command(material, material.images[5]))
    assert body == {
        "prompt": "a lighthouse at dusk, number 5",
        "providers": ["mock"],
        "sessionId": "recipe",
        "allowDuplicates": True,
        "kind": "edit",
        "models": {"mock": "mock-1"},
        "seed": 5,
        "size": "1024x1024",
        "options": {"mock": {"latency_s": 0}},
        "parentProgressionId": str(uuid_of(4)),
        "startImageUrl": material.images[5].start_url,
    }


def test_the_requested_seed_is_shown_when_the_provider_returned_none() -> None:
    image = replace(image_of(3), seed=None)
    assert job_body(with_job(image), image)["seed"] == variant_of(3).seed


def test_options_of_other_providers_are_left_out() -> None:
    image = image_of(0)
    body = job_body(with_job(image, options={"openai": {"quality": "high"}}), image)
    assert "options" not in body


def test_the_url_of_a_mask_is_published_only_when_it_is_our_own() -> None:
    image = replace(image_of(0), kind="inpaint")
    own = "http://testserver/images/" + "b" * 64 + ".png"
    foreign = "https://elsewhere.example/mask.png?signature=secret"
    assert job_body(with_job(image, mask_key="k", mask_image_url=own), image)["maskImageUrl"] == own
    material = with_job(image, mask_key="k", mask_image_url=foreign)
    assert job_body(material, image)["maskImageUrl"] == MASK
    page = page_of(material, image_id=str(image.id))
    assert "signature" not in page
    assert MASK in page


@pytest.mark.parametrize("prompt", [HOSTILE, "it's $(reboot) `reboot` !! \\ \n'; reboot #", "\u202egnihton"])
def test_a_prompt_cannot_escape_its_quotes_in_the_command(prompt: str) -> None:
    material = material_of(4, words=prompt)
    command = curl_command(material, material.images[3])
    assert sent_by(command)["prompt"] == prompt
    assert "\u202e" not in command
