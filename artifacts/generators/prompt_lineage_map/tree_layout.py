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
class _Outline:
    """The borders of a subtree, deepest level first, so that its root can be appended; true values are + `shift`.

    Both borders are as long as the subtree is deep.
    """

    low: list[float] = field(default_factory=list)
    high: list[float] = field(default_factory=list)
    low_shift: float = 0.0
    high_shift: float = 0.0


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
            outline.low_shift += move
            outline.high_shift += move
            whole = _joined(whole, outline)
        middle = (at[0] + at[-1]) / 2 if at else 0.0
        for child, place in zip(children[node], at, strict=True):
            offsets[child] = place - middle
        whole.low_shift -= middle
        whole.high_shift -= middle
        whole.low.append(-whole.low_shift)
        whole.high.append(-whole.high_shift)
        outlines[node] = whole
    return offsets


def _distance(left: _Outline, right: _Outline) -> float:
    """How far `right` must move to be one distance away from `left` on every level both have."""
    shift = left.high_shift - right.low_shift
    levels = min(len(left.high), len(right.low))
    gaps = (left.high[-level] - right.low[-level] for level in range(1, levels + 1))
    return max((gap + shift + 1.0 for gap in gaps), default=0.0)


def _joined(left: _Outline, right: _Outline) -> _Outline:
    """The outline of both; only touches levels both have, which keeps the whole linear."""
    shared = min(len(left.low), len(right.low))
    joined = _Outline(left.low, right.high, left.low_shift, right.high_shift)
    if len(right.low) > len(left.low):
        for level in range(1, shared + 1):
            right.low[-level] = left.low[-level] + left.low_shift - right.low_shift
        joined.low, joined.low_shift = right.low, right.low_shift
    if len(left.high) > len(right.high):
        for level in range(1, shared + 1):
            left.high[-level] = right.high[-level] + right.high_shift - left.high_shift
        joined.high, joined.high_shift = left.high, left.high_shift
    return joined


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
