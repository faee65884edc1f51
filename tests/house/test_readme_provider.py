"""The README's example of a provider is one that works."""

import re

from dali.lib.clock import Deadline
from dali.lib.pictures.images import decode
from progressions.enums import Kind
from progressions.provider import Provider, ProviderRequest
from tests.house.tree import ROOT


def test_the_provider_of_the_readme_paints() -> None:
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 1
    names: dict[str, type[Provider]] = {}
    exec(compile(blocks[0], "README.md", "exec"), names)
    provider = names["StripesProvider"]()
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
