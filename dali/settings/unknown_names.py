"""Finds misspelt settings: names in the environment that nothing reads, and the names they resemble."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from dali import env
from dali.lib.web.input.near_names import LEAST_LETTERS, is_one_edit_away

_OURS = re.compile(r"(?i)dali[_-]")
# Kubernetes sets such variables for each service, so also for one called `dali` or `dali-web`:
# https://kubernetes.io/docs/tutorials/services/connect-applications-service/ (read November 2026).
_SERVICE_LINK = re.compile(r".*_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")


def misspelt(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yields each name that looks like a setting but is not one, and the declared name that is closest to it.

    Includes every unknown `DALI_...`; the closest name is empty if none is close. Other names may belong to other
    programs: they are included only if they differ from a declared, unset name by case, `_`, `-` or one letter.
    """
    declared = [*env.VARIABLES, *env.TEST_VARIABLES]
    for name in sorted(variables):
        if name in declared or _is_service_link(name, variables[name]):
            continue
        if _OURS.match(name):
            plain = name.upper().replace("-", "_")
            close = get_close_matches(plain, declared, n=1)
            yield name, next((one for one in (plain.removeprefix("DALI_"), *close) if one in declared), "")
        elif meant := next((one for one in declared if one not in variables and _is_near(name, one)), ""):
            yield name, meant


def _is_service_link(name: str, value: str) -> bool:
    return bool(_SERVICE_LINK.fullmatch(name)) or (name.endswith("_PORT") and "://" in value)


def _is_near(name: str, declared: str) -> bool:
    one, other = (re.sub("[_-]", "", text).upper() for text in (name, declared))
    if one == other:
        return True
    return min(len(one), len(other)) >= LEAST_LETTERS and is_one_edit_away(one, other)
