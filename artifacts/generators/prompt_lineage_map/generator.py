"""Prompt lineage map: which image was made from which, and how the prompt changed on the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from artifacts.generator import File, Generator, ImageOptions, Report, chosen_images, cover_of, in_silence
from artifacts.generators.prompt_lineage_map.lineage import nearest_parents, said_before, second_parents
from artifacts.generators.prompt_lineage_map.text_lines import fitted_lines
from artifacts.generators.prompt_lineage_map.tree_layout import NodePosition, placed, shelved, walk
from artifacts.generators.prompt_lineage_map.word_changes import Changes, word_changes
from artifacts.making.page import html_file
from artifacts.material import ImageFacts, Material
from artifacts.options import option
from dali.lib.texts import composed

# Pixels of the map at its natural size.
THUMB = 150
SLOT = 208  # from one sibling to the next: thumbnail, caption and space
CAPTION = 26
HEAD_WIDTH, HEAD_GAP = 236, 66
GUTTER = 250  # between a parent and its children, where the changed words are
BEND = 46  # where an edge has reached its child's height
MARGIN = 48
# How much of each text fits, in columns of one letter, even in a wide font.
WORDS_COLUMNS, HEAD_COLUMNS = 21, 19
# Thumbnails loaded at once; larger maps load the rest when they scroll into view.
AT_ONCE = 60
DEEPEST_LIST = 8
_MOST_PROMPT = 4000


@dataclass(frozen=True, slots=True)
class PromptLineageMapOptions(ImageOptions):
    """Options of a map."""

    include: Literal["all", "not_failed", "passed"] = option(
        "all", "Which verdicts are shown; the children of a hidden image are attached to its parent."
    )
    changes: bool = option(True, "Whether the edges show the words added and removed.")


@dataclass(frozen=True, slots=True)
class _Node:
    """An image on the map; `x`, `y`: the upper left corner of its thumbnail."""

    image: ImageFacts
    number: int
    x: int
    y: int
    edge: str
    added: tuple[tuple[int, str], ...]  # the height of each line, and its words
    removed: tuple[tuple[int, str], ...]
    is_at_once: bool
    changes: Changes


@dataclass(frozen=True, slots=True)
class _Head:
    """The prompt at the root of a tree, from which its first images were made."""

    prompt: str
    project: str
    x: int
    y: int
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class _Item:
    """A line of the list that repeats the map; `closes`: one mark per list that ends after it."""

    node: _Node
    head: _Head | None
    is_opening: bool
    closes: str
    is_last: bool


class PromptLineageMap(Generator):
    """See the module."""

    name = "promptLineageMap"
    title = "Prompt lineage map"
    description = "The tree of images with the words changed between them; pan, zoom, search, open images."
    output = "html"
    options = PromptLineageMapOptions

    def generate(
        self, material: Material, options: PromptLineageMapOptions, report: Report = in_silence
    ) -> list[File]:
        """One page."""
        images = chosen_images(material, options)
        tree = _Tree(material, images)
        corners, size = tree.corners()
        nodes = [tree.node(index, corners, with_words=options.changes) for index in range(len(images))]
        heads = [tree.head(index, corners) for index in range(len(tree.heads))]
        sources = second_parents(images, tree.parents)
        context = {
            "images": images,
            "nodes": nodes,
            "heads": heads,
            "seconds": [
                _second_edge(nodes[source], node)
                for node, source in zip(nodes, sources, strict=True)
                if source is not None
            ],
            "size": size,
            "items": tree.items(nodes, heads),
            "facts": [
                _facts(node, parent, source)
                for node, parent, source in zip(nodes, tree.parents, sources, strict=True)
            ],
            "generations": max(place.depth for place in tree.places),
            "box": {"thumb": THUMB, "caption": CAPTION, "head": HEAD_WIDTH},
        }
        return [html_file("prompt_lineage_map.html", material, context, cover=cover_of(images))]


class _Tree:
    """The images' trees, each below the prompt of its first images; heads come before images."""

    def __init__(self, material: Material, images: Sequence[ImageFacts]) -> None:
        self.images = images
        self.projects = {one.id: one.name for one in material.projects} if len(material.projects) > 1 else {}
        self.parents = nearest_parents(material, images)
        keys = [(image.project_id, composed(image.prompt)) for image in images]
        first: dict[tuple[UUID, str], ImageFacts] = {}
        for image, key, parent in zip(images, keys, self.parents, strict=True):
            if parent is None:
                first.setdefault(key, image)
        self.heads = list(first.values())  # one image for its prompt and project
        numbers = {key: number for number, key in enumerate(first)}
        links = [
            numbers[key] if parent is None else parent + len(first)
            for key, parent in zip(keys, self.parents, strict=True)
        ]
        self.repeats = said_before(images, self.parents)
        self.places = placed([*[None] * len(first), *links])

    def corners(self) -> tuple[list[tuple[int, int]], tuple[int, int]]:
        """The upper left corner of each tree, and the total size."""
        wide, high = [0.0] * len(self.heads), [0.0] * len(self.heads)
        for place in self.places:
            wide[place.root] = max(wide[place.root], _left(place) + (THUMB if place.depth else HEAD_WIDTH))
            high[place.root] = max(high[place.root], place.across * SLOT + THUMB + CAPTION)
        sizes = list(zip(wide, high, strict=True))
        corners = [(round(x) + MARGIN, round(y) + MARGIN) for x, y in shelved(sizes, gap=72, ratio=1.6)]
        right = max(x + width for (x, _), (width, _) in zip(corners, sizes, strict=True))
        bottom = max(y + height for (_, y), (_, height) in zip(corners, sizes, strict=True))
        return corners, (round(right) + MARGIN, round(bottom) + MARGIN)

    def node(self, index: int, corners: Sequence[tuple[int, int]], *, with_words: bool) -> _Node:
        """An image with the edge that leads to it and the words on the edge."""
        image, parent = self.images[index], self.parents[index]
        x, y = self._corner(index + len(self.heads), corners)
        middle = y + THUMB // 2
        changes = Changes((), ())
        if parent is None:
            above = self._corner(self.places[index + len(self.heads)].parent or 0, corners)
            edge = _edge(above[0] + HEAD_WIDTH, above[1] + THUMB // 2, x, middle, HEAD_GAP)
        else:
            above = self._corner(parent + len(self.heads), corners)
            edge = _edge(above[0] + THUMB, above[1] + THUMB // 2, x, middle, BEND)
            changes = word_changes(self.images[parent].prompt, image.prompt)
        said = changes if with_words and not self.repeats[index] else Changes((), ())
        added = fitted_lines(" … ".join(said.added), WORDS_COLUMNS, 3)
        removed = fitted_lines(" … ".join(said.removed), WORDS_COLUMNS, 2)
        return _Node(
            image=image,
            number=index + 1,
            x=x,
            y=y,
            edge=edge,
            added=tuple((middle - 10 - 17 * (len(added) - 1 - row), line) for row, line in enumerate(added)),
            removed=tuple((middle + 20 + 17 * row, line) for row, line in enumerate(removed)),
            is_at_once=index < AT_ONCE,
            changes=changes,
        )

    def head(self, index: int, corners: Sequence[tuple[int, int]]) -> _Head:
        """A prompt at the root of a tree, its lines centred vertically."""
        x, y = self._corner(index, corners)
        prompt = self.heads[index].prompt
        lines = fitted_lines(prompt, HEAD_COLUMNS, 5)
        first = y + THUMB // 2 + 6 - 11 * (len(lines) - 1)
        return _Head(
            prompt=prompt,
            project=self.projects.get(self.heads[index].project_id, ""),
            x=x,
            y=y,
            lines=tuple((first + 22 * row, line) for row, line in enumerate(lines)),
        )

    def items(self, nodes: Sequence[_Node], heads: Sequence[_Head]) -> list[_Item]:
        """The lines of the list, each after its parent; nested only as deep as a phone is wide."""
        walked, _ = walk([place.parent for place in self.places])
        order = [index - len(heads) for index in walked if index >= len(heads)]
        levels = [min(self.places[index + len(heads)].depth, DEEPEST_LIST) for index in order]
        items = []
        for spot, index in enumerate(order):
            place = self.places[index + len(heads)]
            is_first = spot == 0 or self._root(order[spot - 1]) != place.root
            is_last = spot + 1 == len(order) or self._root(order[spot + 1]) != place.root
            after = 1 if is_last else levels[spot + 1]
            items.append(
                _Item(
                    node=nodes[index],
                    head=heads[place.root] if is_first else None,
                    is_opening=after > levels[spot],
                    closes="x" * (levels[spot] - after),
                    is_last=is_last,
                )
            )
        return items

    def _root(self, index: int) -> int:
        return self.places[index + len(self.heads)].root

    def _corner(self, index: int, corners: Sequence[tuple[int, int]]) -> tuple[int, int]:
        place = self.places[index]
        x, y = corners[place.root]
        return x + _left(place), y + round(place.across * SLOT)


def _left(place: NodePosition) -> int:
    return HEAD_WIDTH + HEAD_GAP + (place.depth - 1) * (THUMB + GUTTER) if place.depth else 0


def _edge(x0: int, y0: int, x1: int, y1: int, bend: int) -> str:
    """From the middle of one side to the middle of another; horizontal where the words are."""
    return f"M{x0} {y0}C{x0 + bend // 2} {y0} {x0 + bend // 2} {y1} {x0 + bend} {y1}H{x1}"


def _second_edge(source: _Node, node: _Node) -> str:
    """From the upper right corner of the start image to the upper left of its result."""
    x0, y0, x1, y1 = source.x + THUMB, source.y + 18, node.x, node.y + 18
    pull = max(60, abs(x1 - x0) // 2)
    return f"M{x0} {y0}C{x0 + pull} {y0} {x1 - pull} {y1} {x1} {y1}"


def _facts(node: _Node, parent: int | None, source: int | None) -> dict[str, object]:
    """The data about an image for the page's script."""
    image = node.image
    return {
        "x": node.x,
        "y": node.y,
        "url": image.url,
        "width": image.width,
        "height": image.height,
        "prompt": image.prompt[:_MOST_PROMPT],
        "by": [part for part in (image.provider, image.model, image.kind) if part],
        "judgment": image.judgment,
        "notes": image.notes,
        "tags": image.tags,
        "suggestion": image.retry_suggestion,
        "added": node.changes.added,
        "removed": node.changes.removed,
        "parent": parent,
        "source": source,
    }
