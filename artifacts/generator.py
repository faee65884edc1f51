"""The contract of generators, which make artifacts of finished work, and their registry.

A generator is a pure function: material and options come in, files go out, and the same input gives the same
bytes (no clock, no randomness, no environment). It is called in a request or, where it `takes_long`, in a worker
thread, with no transaction open. It sees neither rows nor storages, and everything in the material was
written by strangers: markup is escaped, data is never run.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from artifacts.material import ImageFacts, Material
from dali.lib.errors import DaliError
from dali.lib.registry import Registry

Output = Literal["html", "pdf", "json", "video", "3d", "csv"]
# Parts of the material that are gathered only for those who ask.
Need = Literal["jobs", "tips"]


def in_silence(done: float) -> None:
    """Reports to nobody."""


class EmptyMaterialError(DaliError):
    """There is nothing to show; the message says what is missing and how to get it. Answered with 400."""


@dataclass(frozen=True, slots=True)
class Inline:
    """What a page runs and wears, by hash, for its content security policy: `sha256-...` of each inline block."""

    scripts: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class File:
    """One file of an artifact. `name`: a plain file name; the first file is what its address opens.

    `media_type`: of `content`, with charset for text. `inline`: for pages.
    """

    name: str
    media_type: str
    content: bytes
    inline: Inline = field(default_factory=Inline)


@dataclass(frozen=True, slots=True)
class Answers:
    """What a page takes of its visitors: one of `votes` for each image (empty: none), comments on each image."""

    votes: tuple[str, ...] = ()
    comments: bool = False


@dataclass(frozen=True, slots=True)
class NoOptions:
    """For a generator without options."""


@dataclass(frozen=True, slots=True)
class ImageOptions:
    """Which images are shown. To be inherited from."""

    include: Literal["all", "not_failed", "passed"] = field(
        default="not_failed",
        metadata={"help": "Which verdicts are shown; images nobody judged count as not failed."},
    )
    most: int = field(
        default=500, metadata={"help": "Most images shown; the newest are kept.", "least": 1, "most": 2000}
    )


def chosen_images(material: Material, options: ImageOptions) -> tuple[ImageFacts, ...]:
    """The images that `options` let in, in the material's order. Raises EmptyMaterialError where none are."""
    allowed = {
        "all": ("pass", "fail", None),
        "not_failed": ("pass", None),
        "passed": ("pass",),
    }[options.include]
    found = tuple(image for image in material.images if image.judgment in allowed)[-options.most :]
    if not found:
        if material.images:
            raise EmptyMaterialError(
                f"no image has a verdict that options.include='{options.include}' lets in; send 'all'"
            )
        raise EmptyMaterialError("there are no images yet: run a job first")
    return found


def cover_of(images: Sequence[ImageFacts]) -> ImageFacts:
    """What a preview shows: the newest image that passed, else the newest."""
    passed = [image for image in images if image.judgment == "pass"]
    return (passed or list(images))[-1]


class Generator(ABC):
    """One kind of artifact."""

    name: ClassVar[str]  # the id clients ask for it by
    title: ClassVar[str]
    description: ClassVar[str]
    output: ClassVar[Output]  # what it makes unless an option says otherwise: `output_for`
    options: ClassVar[type[Any]]  # a frozen dataclass; each field with metadata["help"]: artifacts.options
    needs: ClassVar[frozenset[Need]] = frozenset()
    is_long: ClassVar[bool] = False  # takes longer than a request should: a worker makes it
    most_at_once: ClassVar[int | None] = None  # decodes every image it shows: more than so many are long, too

    def output_for(self, options: Any) -> Output:
        """What it makes with these options: where they have a `format`, that."""
        chosen: Output = getattr(options, "format", self.output)
        return chosen

    def takes_long(self, material: Material, options: Any) -> bool:
        """Whether a worker makes it of this material with these options. Raises EmptyMaterialError."""
        if self.is_long or self.most_at_once is None:
            return self.is_long
        return len(chosen_images(material, options)) > self.most_at_once

    def answers_for(self, options: Any) -> Answers:
        """What its page takes of visitors with these options; nothing, unless it says so."""
        return Answers()

    def check(self, material: Material, options: Any) -> None:  # noqa: B027 - most have nothing to refuse
        """Refuses at submission what `generate` could only fail with later; for those that are long.

        Raises EmptyMaterialError. No bytes are read.
        """

    @abstractmethod
    def generate(
        self, material: Material, options: Any, report: Callable[[float], None] = in_silence
    ) -> list[File]:
        """The files of the artifact, the first of them what its address opens; never none.

        `options`: an instance of `self.options`. `report(done)`: how far it is, 0 to 1, where it takes long.
        Raises EmptyMaterialError.
        """


generators: Registry[Generator] = Registry(
    Generator, "artifacts.generators", "generator", group="artifacts.generators"
)
