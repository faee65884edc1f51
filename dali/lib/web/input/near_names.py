"""Finds the name that a client probably meant: `maxCostUSD` for `maxCostUsd`, `variant` for `variants`."""

from collections.abc import Collection, Iterable

# Shorter names differ by one letter from too many others: `size` and `site`.
LEAST_LETTERS = 5


def find_meant(name: str, known: Iterable[str], given: Collection[str]) -> str | None:
    """The known name that `name` probably stands for, or None.

    Names in `given` are not considered. A name that is equal without case, `_` and `-` comes first; then one that is
    one edit away, if the longer of the two has at least five letters.
    """
    wanted = _plain(name)
    absent = {field: _plain(field) for field in known if field not in given}
    equal = (field for field, plain in absent.items() if plain == wanted)
    near = (
        field
        for field, plain in absent.items()
        if max(len(plain), len(wanted)) >= LEAST_LETTERS and is_one_edit_away(plain, wanted)
    )
    return next(equal, None) or next(near, None)


def is_one_edit_away(one: str, other: str) -> bool:
    """Whether one letter is added, removed or replaced, or two neighbours are swapped."""
    short, long = sorted((one, other), key=len)
    if one == other or len(long) - len(short) > 1:
        return False
    start = next((at for at, letter in enumerate(short) if letter != long[at]), len(short))
    if len(short) < len(long):
        return short[start:] == long[start + 1 :]
    is_swapped = short[start : start + 2] == long[start : start + 2][::-1]
    return short[start + 1 :] == long[start + 1 :] or (is_swapped and short[start + 2 :] == long[start + 2 :])


def _plain(name: str) -> str:
    return name.casefold().replace("_", "").replace("-", "")
