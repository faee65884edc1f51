"""Names in the environment that nothing reads, and the declared ones that they were meant to be."""

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

from dali import env

# Read by the tests and benchmarks alone; docs/settings.md lists them with these words.
OF_TESTS = {
    "DALI_REQUIRE_SERVICES": "`1`: tests that need PostgreSQL and Redis fail, not skip, where these are not given.",
    "DALI_REQUIRE_BROWSER": "`1`: tests that need Chromium fail, not skip, where there is none.",
    "DALI_REQUIRE_NODE": "`1`: tests that need Node.js and the packages of tests/node (`npm ci`) fail, not skip.",
    "DALI_CHROMIUM": "The Chromium the browser tests drive; default: `chromium` on the path.",
    "DALI_TEST_KILLS": "How often the flow tests kill a process during a job; more finds rarer moments.",
    "DALI_LIVE_OPENAI": "`1`: runs the tests that call OpenAI, with the key given.",
    "DALI_LIVE_GEMINI": "`1`: runs the tests that call Gemini, with the key given.",
    "DALI_LIVE_WORKERS": "`1`: runs the tests that call Workers AI, with the token given.",
    "DALI_LIVE_CLOUDFLARE": "`1`: runs the tests that call Cloudflare Images, with the token given.",
}
_OURS = re.compile(r"(?i)dali[_-]")
# Kubernetes tells each container of the services beside it, so of one that is called `dali` or `dali-web`:
# https://kubernetes.io/docs/tutorials/services/connect-applications-service/ (read November 2026).
_SERVICE_LINK = re.compile(r".*_(SERVICE_(HOST|PORT(_\w+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)")
# Shorter names are one letter away from too many others.
_LEAST_LETTERS = 5


def misspelt(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Each name that looks like a setting and is none, with the declared name that it is closest to.

    Every `DALI_...` that nothing reads, the closest being empty where none is close. Of other names, which may be for
    other programs, those that equal a declared one but for case, `_`, `-` or one letter, where that one is not set.
    """
    declared = [*env.VARIABLES, *OF_TESTS]
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
    return min(len(one), len(other)) >= _LEAST_LETTERS and _is_one_edit_away(one, other)


def _is_one_edit_away(one: str, other: str) -> bool:
    """Whether a letter that is missing, too many, wrong or swapped with its neighbour makes the difference."""
    start = next(
        (i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    one, other = one[start:], other[start:]
    is_swapped = one[:2] == other[:2][::-1] and one[2:] == other[2:]
    return is_swapped or one[1:] == other or one == other[1:] or one[1:] == other[1:]
