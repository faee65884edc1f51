"""The examples of plug-ins in the documents work."""

import inspect
import re
from typing import Any

import pytest

from artifacts.generator import Generator
from artifacts.options import parse
from dali.lib.clock import Deadline
from dali.lib.pictures.images import decode
from progressions.delivery import Delivery
from progressions.enums import Kind
from progressions.provider import Provider, ProviderRequest
from tests.artifacts.materials import material_of
from tests.house.tree import ROOT, documents, name

BLOCKS = [
    pytest.param(block, id=f"{name(page)}-{number}")
    for page in documents()
    for number, block in enumerate(
        re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    )
]


def defined_in(block: str) -> dict[str, Any]:
    """What a block defines."""
    names: dict[str, Any] = {}
    exec(compile(block, "example", "exec"), names)
    return names


def example_from(page: str, class_name: str) -> type[Any]:
    """A class that a document defines."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    found: type[Any] = next(names[class_name] for names in map(defined_in, blocks) if class_name in names)
    return found


@pytest.mark.parametrize("block", BLOCKS)
def test_an_example_runs_and_its_plugins_lack_nothing(block: str) -> None:
    plugins = [
        member
        for member in defined_in(block).values()
        if inspect.isclass(member)
        and member.__module__ == "builtins"
        and issubclass(member, Provider | Delivery | Generator)
    ]
    assert all(not inspect.isabstract(plugin) for plugin in plugins)


def test_the_example_of_a_provider_paints() -> None:
    provider: Provider = example_from("docs/contributing.md", "StripesProvider")()
    answer = provider.call(
        ProviderRequest(
            kind=Kind.GENERATE,
            prompt="blue",
            seed=7,
            model="stripes-1",
            deadline=Deadline.after(5),
            size=(512, 512),
        )
    )
    assert decode(answer.content).image.size == (512, 512)


def test_the_example_of_a_generator_makes_a_file() -> None:
    generator: Generator = example_from("docs/generators.md", "Prompts")()
    (file,) = generator.generate(material_of(3), parse(generator.options, {}))
    assert file.name == "prompts.csv"
    assert file.content.count(b"\n") == 4
