"""The contract of generators, which make artifacts from finished work, and their registry.

A generator is a pure function: it gets material and options and returns files, and the same input gives the same
bytes (no clock, no randomness, no environment). It runs in a request or, if it `takes_long`, in a worker thread,
never inside a transaction. It sees neither rows nor storages. Everything in the material is untrusted: markup is
escaped, data is never executed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from artifacts.material import ImageFacts, Material
from artifacts.options import option
from dali.lib.errors import DaliError
from dali.lib.registry import Registry

Output = Literal["html", "pdf", "json", "video", "3d", "csv"]
# Parts of the material that are gathered only on request.
Need = Literal["jobs", "tips"]

# Reports progress, from 0 to 1.
Report: TypeAlias = Callable[[float], None]


def in_silence(done: float) -> None:
    """Ignores progress reports."""


class EmptyMaterialError(DaliError):
    """There is nothing to show. The message says what is missing and how to get it. Answered with 400."""


@dataclass(frozen=True, slots=True)
class Inline:
    """Hashes of a page's inline scripts and styles (`sha256-...`), for its content security policy."""

    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """One file of an artifact. `name`: a plain file name; the artifact's URL opens the first file.

    `media_type`: of `content`, with charset for text. `inline`: for pages.
    """

    name: str
    media_type: str
    content: bytes
    inline: Inline = field(default_factory=Inline)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a page accepts from visitors: one of `votes` per image (empty: no votes), comments on images."""

    votes: tuple[str, ...] = ()
    comments: bool = False


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Options of a generator that has none."""


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """Options that choose images; a base class."""

    include: Literal["all", "not_failed", "passed"] = option(
        "not_failed", "Which verdicts are shown; images without a verdict count as not failed."
    )
    most: int = option(500, "Maximum number of images; the newest are kept.", least=1, most=2000)


def chosen_images(material: Material, options: ImageOptions) -> tuple[ImageFacts, ...]:
    """The images that `options` select, in the material's order. Raises EmptyMaterialError if there are none."""
    allowed = {
        "all": ("pass", "fail", None),
        "not_failed": ("pass", None),
        "passed": ("pass",),
    }[options.include]
    found = tuple(image for image in material.images if image.judgment in allowed)[-options.most :]
    if not found:
        if material.images:
            raise EmptyMaterialError(f"no image matches options.include='{options.include}'; send 'all'")
        raise EmptyMaterialError("there are no images yet: run a job first")
    return found


def cover_of(images: Sequence[ImageFacts]) -> ImageFacts:
    """The preview image: the newest that passed, otherwise the newest."""
    passed = [image for image in images if image.judgment == "pass"]
    return (passed or list(images))[-1]


class Generator(ABC):
    """One kind of artifact."""

    name: ClassVar[str]  # the id clients use
    title: ClassVar[str]
    description: ClassVar[str]
    output: ClassVar[Output]  # the default output; see `output_for`
    options: ClassVar[type[Any]]  # a frozen dataclass; each field with metadata["help"]: artifacts.options
    needs: ClassVar[frozenset[Need]] = frozenset()
    is_long: ClassVar[bool] = False  # takes too long for a request: a worker makes it
    most_at_once: ClassVar[int | None] = (
        None  # decodes every image it shows: above this number it is long, too
    )

    def output_for(self, options: Any) -> Output:
        """The output for these options: their `format`, if they have one."""
        chosen: Output = getattr(options, "format", self.output)
        return chosen

    def takes_long(self, material: Material, options: Any) -> bool:
        """Whether a worker makes it from this material with these options. Raises EmptyMaterialError."""
        if self.is_long or self.most_at_once is None:
            return self.is_long
        return len(chosen_images(material, options)) > self.most_at_once

    def answers_for(self, options: Any) -> Answers:
        """What its page accepts from visitors with these options; nothing by default."""
        return Answers()

    def check(self, material: Material, options: Any) -> None:  # noqa: B027 - most generators have nothing to refuse
        """Refuses, at submission, what `generate` would fail on later; for long generators.

        Raises EmptyMaterialError. Reads no bytes.
        """

    @abstractmethod
    def generate(self, material: Material, options: Any, report: Report = in_silence) -> list[File]:
        """The files of the artifact, at least one; the artifact's URL opens the first.

        `options`: an instance of `self.options`. `report(done)`: progress from 0 to 1, for long generators.
        Raises EmptyMaterialError.
        """


generators: Registry[Generator] = Registry(
    Generator, "artifacts.generators", "generator", group="artifacts.generators"
)
