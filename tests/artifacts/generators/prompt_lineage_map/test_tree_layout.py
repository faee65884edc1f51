"""The layout of trees: no overlaps in any shape of tree, and the same tree gives the same layout."""

import itertools
import random
from collections import defaultdict

import pytest

from artifacts.generators.prompt_lineage_map.tree_layout import NodePosition, placed, shelved


def grown(seed: int, count: int, reach: int) -> list[int | None]:
    """Some trees; the parent of each node is one of the last `reach` nodes before it, or the node is a root."""
    numbers = random.Random(seed)
    return [
        None if node == 0 or numbers.random() < 0.02 else numbers.randrange(max(0, node - reach), node)
        for node in range(count)
    ]


def levels(places: list[NodePosition]) -> list[list[float]]:
    """The positions of the nodes on each level of each tree, in order."""
    found: dict[tuple[int, int], list[float]] = defaultdict(list)
    for place in places:
        found[place.root, place.depth].append(place.across)
    return [sorted(level) for level in found.values()]


@pytest.mark.parametrize("reach", [1, 3, 40, 500])
@pytest.mark.parametrize("seed", range(5))
def test_no_two_nodes_of_a_level_come_closer_than_siblings(seed: int, reach: int) -> None:
    for level in levels(placed(grown(seed, 500, reach))):
        for left, right in itertools.pairwise(level):
            assert right - left >= 1 - 1e-9


@pytest.mark.parametrize("seed", range(5))
def test_edges_do_not_cross(seed: int) -> None:
    places = placed(grown(seed, 300, 30))
    edges = defaultdict(list)
    for place in places:
        if place.parent is not None:
            edges[place.root, place.depth].append((places[place.parent].across, place.across))
    for level in edges.values():
        level.sort()
        assert [child for _, child in level] == sorted(child for _, child in level)


def test_a_parent_is_centered_over_its_children_and_siblings_keep_their_order() -> None:
    places = placed([None, 0, 0, 0, 2, 2])
    assert [place.across for place in places] == [1.0, 0.0, 1.0, 2.0, 0.5, 1.5]
    assert [place.depth for place in places] == [0, 1, 1, 1, 2, 2]


def test_equal_subtrees_look_equal() -> None:
    places = placed([None, 0, 0, 1, 1, 2, 2])
    assert places[4].across - places[3].across == places[6].across - places[5].across == 1.0


def test_the_layout_is_the_same_each_time() -> None:
    parents = grown(7, 500, 30)
    assert placed(parents) == placed(list(parents))


def test_each_tree_of_a_forest_is_placed_separately() -> None:
    places = placed([None, None, 0, 1, 1])
    assert [place.root for place in places] == [0, 1, 0, 1, 1]
    assert min(place.across for place in places if place.root == 1) == 0.0


def test_a_chain_of_many_thousands_is_one_line() -> None:
    places = placed([None, *range(20_000)])
    assert places[-1].depth == 20_000
    assert {place.across for place in places} == {0.0}


def test_a_cycle_is_cut_at_its_first_node() -> None:
    places = placed([2, 0, 1, None])
    assert [(place.parent, place.depth) for place in places] == [(None, 0), (0, 1), (1, 2), (None, 0)]
    assert placed([0])[0].parent is None


def test_an_empty_tree_has_no_positions() -> None:
    assert placed([]) == []
    assert shelved([], gap=1, ratio=1) == []


def test_shelves_hold_boxes_in_columns_without_overlap() -> None:
    numbers = random.Random(1)
    sizes = [(float(numbers.randint(1, 9)), float(numbers.randint(1, 9))) for _ in range(60)]
    corners = shelved(sizes, gap=1, ratio=1.5)
    boxes = [(x, y, x + width, y + height) for (x, y), (width, height) in zip(corners, sizes, strict=True)]
    for one, other in itertools.combinations(boxes, 2):
        is_beside = one[2] < other[0] or other[2] < one[0]
        is_below = one[3] < other[1] or other[3] < one[1]
        assert is_beside or is_below
    wide, high = max(box[2] for box in boxes), max(box[3] for box in boxes)
    assert 0.7 < wide / high < 3
