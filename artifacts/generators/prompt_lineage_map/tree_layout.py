"""Lays out trees without overlaps (Reingold and Tilford), and packs many trees into columns.

Reingold and Tilford, "Tidier Drawings of Trees", 1981: subtrees are as close together as their outlines allow,
a parent is centred above its children, equal subtrees look equal. Iterative, so that a chain of thousands of edits
works; in linear time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NodePosition:
    """A node's position in its tree. `across`: in sibling distances; the smallest of a tree is 0.

    `root`: the index of its tree's root. `parent`: None for roots, also where a link was cut to break a cycle.
    """

    root: int
    parent: int | None
    depth: int
    across: float


@dataclass(slots=True)
class _Border:
    """One side of a subtree, deepest level first, so that its root can be appended; true values are + `shift`."""

    levels: list[float] = field(default_factory=list)
    shift: float = 0.0

    def continued(self, other: "_Border") -> "_Border":
        """This border, and below its end the other; only touches levels both have, which keeps the whole linear."""
        if len(other.levels) <= len(self.levels):
            return self
        for level in range(1, len(self.levels) + 1):
            other.levels[-level] = self.levels[-level] + self.shift - other.shift
        return other


@dataclass(slots=True)
class _Outline:
    """The borders of a subtree: both are as long as it is deep."""

    low: _Border = field(default_factory=_Border)
    high: _Border = field(default_factory=_Border)

    def move(self, by: float) -> None:
        self.low.shift += by
        self.high.shift += by


def placed(parents: Sequence[int | None]) -> list[NodePosition]:
    """The position of each node; `parents`: the index of each node's parent. Siblings keep their order."""
    order, links = walk(parents)
    return _absolute(order, links, _offsets(order, _children(links)))


def _children(parents: Sequence[int | None]) -> list[list[int]]:
    children: list[list[int]] = [[] for _ in parents]
    for node, parent in enumerate(parents):
        if parent is not None:
            children[parent].append(node)
    return children


def walk(parents: Sequence[int | None]) -> tuple[list[int], list[int | None]]:
    """All nodes, each after its parent, tree by tree; and the links, cut where they form a cycle."""
    links, children = list(parents), _children(parents)
    order: list[int] = []
    seen = [False] * len(parents)

    def take(root: int) -> None:
        waiting = [root]
        while waiting:
            node = waiting.pop()
            seen[node] = True
            order.append(node)
            waiting += [child for child in reversed(children[node]) if not seen[child]]

    for node, parent in enumerate(parents):
        if parent is None:
            take(node)
    for node in range(len(parents)):
        if not seen[node]:  # no root above it: a cycle, cut at its first node
            links[node] = None
            take(node)
    return order, links


def _offsets(order: Sequence[int], children: Sequence[Sequence[int]]) -> list[float]:
    """The distance of each node from its parent, across."""
    offsets = [0.0] * len(children)
    outlines: dict[int, _Outline] = {}
    for node in reversed(order):
        whole = _Outline()
        at = []
        for child in children[node]:
            outline = outlines.pop(child)
            move = _distance(whole, outline)
            at.append(move)
            outline.move(move)
            whole = _Outline(whole.low.continued(outline.low), outline.high.continued(whole.high))
        middle = (at[0] + at[-1]) / 2 if at else 0.0
        for child, place in zip(children[node], at, strict=True):
            offsets[child] = place - middle
        whole.move(-middle)
        for border in (whole.low, whole.high):
            border.levels.append(-border.shift)
        outlines[node] = whole
    return offsets


def _distance(left: _Outline, right: _Outline) -> float:
    """How far `right` must move to be one distance away from `left` on every level both have."""
    shift = left.high.shift - right.low.shift
    pairs = zip(reversed(left.high.levels), reversed(right.low.levels), strict=False)
    gaps = (high - low for high, low in pairs)
    return max((gap + shift + 1.0 for gap in gaps), default=0.0)


def _absolute(
    order: Sequence[int], links: Sequence[int | None], offsets: Sequence[float]
) -> list[NodePosition]:
    across = [0.0] * len(order)
    depth = [0] * len(order)
    root = list(range(len(order)))
    least = [0.0] * len(order)
    for node in order:
        if (parent := links[node]) is not None:
            across[node] = across[parent] + offsets[node]
            depth[node] = depth[parent] + 1
            root[node] = root[parent]
            least[root[node]] = min(least[root[node]], across[node])
    return [
        NodePosition(root[node], links[node], depth[node], across[node] - least[root[node]])
        for node in range(len(order))
    ]


def shelved(sizes: Sequence[tuple[float, float]], *, gap: float, ratio: float) -> list[tuple[float, float]]:
    """The upper left corner of each box, in columns one beside the other, so that all is about `ratio` times as wide
    as high; they keep their order, down each column. `sizes`: width and height.
    """  # fmt: skip
    area = sum((width + gap) * (height + gap) for width, height in sizes)
    tallest = max((height for _, height in sizes), default=0.0)
    limit = max(tallest, (area / ratio) ** 0.5)
    corners: list[tuple[float, float]] = []
    x, y, widest = 0.0, 0.0, 0.0
    for width, height in sizes:
        if y and y + height > limit:
            x, y, widest = x + widest + gap, 0.0, 0.0
        corners.append((x, y))
        y += height + gap
        widest = max(widest, width)
    return corners
