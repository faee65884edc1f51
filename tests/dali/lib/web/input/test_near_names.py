"""Which names are near misses of known ones."""

import pytest

from dali.lib.web.input.near_names import find_meant, is_one_edit_away

KNOWN = ["prompt", "variants", "maxCostUsd", "size", "kind", "projectId", "projectIds"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("maxCostUSD", "maxCostUsd"),
        ("max_cost_usd", "maxCostUsd"),
        ("max-cost-usd", "maxCostUsd"),
        ("MAXCOSTUSD", "maxCostUsd"),
        ("variant", "variants"),  # a letter left out
        ("variantss", "variants"),  # added
        ("varionts", "variants"),  # replaced
        ("vairants", "variants"),  # two swapped
        ("Promt", "prompt"),
        ("rompt", "prompt"),
        ("prompts", "prompt"),
        ("promtp", "prompt"),
        ("project_id", "projectId"),
        ("project_ids", "projectIds"),
        ("sizes", "size"),
        ("Size", "size"),
        ("ki_nd", "kind"),
    ],
)
def test_near_misses_are_found(name: str, meant: str) -> None:
    assert find_meant(name, KNOWN, {name}) == meant


@pytest.mark.parametrize(
    "name",
    ["sze", "site", "kin", "find", "prmt", "pormtp", "variations", "created_at", "id", "", "_", "x" * 10_000],
)
def test_other_names_are_not_near_misses(name: str) -> None:
    assert find_meant(name, KNOWN, {name}) is None


def test_a_field_that_is_present_is_not_a_candidate() -> None:
    assert find_meant("variant", KNOWN, {"variant", "variants"}) is None
    assert find_meant("project_id", KNOWN, {"project_id", "projectId"}) == "projectIds"
    assert find_meant("project_id", KNOWN, {"project_id", "projectId", "projectIds"}) is None


@pytest.mark.parametrize(
    ("one", "other", "is_near"),
    [
        ("ab", "ab", False),
        ("", "a", True),
        ("ab", "ba", True),
        ("abc", "cba", False),
        ("abcd", "badc", False),
        ("abc", "abcde", False),
        ("abc", "xabc", True),
        ("abc", "abx", True),
        ("aab", "aba", True),
        ("abc", "axx", False),
    ],
)
def test_one_edit_is_recognised(one: str, other: str, is_near: bool) -> None:
    assert is_one_edit_away(one, other) is is_near
    assert is_one_edit_away(other, one) is is_near
