"""Renders an artifact's HTML: one self-contained file, with the hashes for its content security policy.

Templates are in templates/artifacts; Django escapes what they are given. Scripts and styles are inline in `<script>`
and `<style>` elements without user-made attributes, so that the page is one stored object and its policy can name
each block by its hash. Style attributes do not work under this policy: give an element a class and write its rule
into the page's own `<style>`, or use SVG attributes.
"""

import base64
import hashlib
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.template.loader import render_to_string

from artifacts.generator import File, Generator, Inline, Report, chosen_images, cover_of, in_silence
from artifacts.material import ImageFacts, Material

_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_STYLE = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def html_file(
    template: str, material: Material, context: Mapping[str, Any], *, cover: ImageFacts | None = None
) -> File:
    """`index.html` from `artifacts/<template>`, which extends artifacts/base.html.

    `cover`: the preview image of the link. The context also contains `material`, `title`, `subtitle` and `cover`.
    """
    given = {
        "material": material,
        "title": material.title,
        "subtitle": material.subtitle,
        "cover": cover,
        **context,
    }
    text = render_to_string(f"artifacts/{template}", given)
    inline = Inline(_hashes(_SCRIPT, text), _hashes(_STYLE, text))
    return File("index.html", "text/html; charset=utf-8", text.encode(), inline)


def _hashes(block: re.Pattern[str], text: str) -> tuple[str, ...]:
    found = {
        "sha256-" + base64.b64encode(hashlib.sha256(inner.encode()).digest()).decode()
        for inner in block.findall(text)
    }
    return tuple(sorted(found))


class ChosenImagesPage(Generator):
    """A base class for one page about chosen images; `options` is a subclass of ImageOptions."""

    output = "html"
    template: ClassVar[str]  # see `html_file`

    @abstractmethod
    def context(self, images: Sequence[ImageFacts], options: Any) -> Mapping[str, Any]:
        """What the template gets besides `images` (the chosen ones, at least one) and `options`."""

    def generate(self, material: Material, options: Any, report: Report = in_silence) -> list[File]:
        """One page."""
        images = chosen_images(material, options)
        context = {"images": images, "options": options, **self.context(images, options)}
        return [html_file(self.template, material, context, cover=cover_of(images))]
