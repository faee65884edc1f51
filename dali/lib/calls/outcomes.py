"""What a service's failure means, by its codes and its words: one table for all services.

Gateways (LiteLLM, Azure and others) hide codes, move them or answer with another status. Words decide if no code does.
Codes and words are from the services' documents or from reports of users (read November 2026).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dali.lib.calls.answers.json_reading import objects
from dali.lib.calls.failures import Outcome

_MOST_DEPTH, _MOST_PARTS, _MOST_CHARACTERS = 7, 40, 4_000

# Names are compared without case, `_` and `-`.
_CODE_NAMES = frozenset({
    "code", "type", "status", "reason", "errorcode", "errortype", "blockreason", "finishreason", "quotaid",
    "quotametric",
})  # fmt: skip
_TEXT_NAMES = frozenset({
    "message", "msg", "error", "detail", "details", "title", "description", "errordescription", "errormessage",
    "reason", "blockreasonmessage", "finishmessage",
})  # fmt: skip
_CONTAINERS = frozenset({
    "error", "errors", "detail", "details", "innererror", "cause", "violations", "contentfilterresult",
    "contentfilterresults", "moderationdetails", "providerspecificfields", "body", "metadata",
})  # fmt: skip
_FILTERS = frozenset({"contentfilterresult", "contentfilterresults"})

_REFUSED = frozenset({
    "moderationblocked", "contentpolicyviolation", "imagecontentpolicyviolation", "contentfilter", "contentfiltered",
    "invalidprompt", "biopolicy", "misalignmentpolicyviolation", "safetyviolation", "safetyviolations",
    "responsibleaipolicyviolation", "contentmoderation", "contentblocked", "policyviolation", "datainspectionfailed",
    "nsfw", "nsfwdetected", "safety", "imagesafety", "prohibitedcontent", "imageprohibitedcontent", "blocklist",
    "3030",
})  # fmt: skip
_QUOTA = frozenset({
    "insufficientquota", "billinghardlimitreached", "billingnotactive", "insufficientfunds", "insufficientcredits",
    "insufficientbalance", "paymentrequired", "budgetexceeded", "3036", "4006", "5453",
})  # fmt: skip
_BUSY = frozenset({
    "ratelimitexceeded", "ratelimiterror", "ratelimited", "slowdown", "toomanyrequests", "throttlingerror", "3040",
})  # fmt: skip
_TIMEOUT = frozenset({"3007", "3008", "timeout", "timeouterror", "deadlineexceeded"})
_KEY = frozenset({
    "invalidapikey", "authenticationerror", "unauthenticated", "permissiondenied", "apikeyinvalid",
    "10000",
})  # fmt: skip
# The same request would fail again, whatever the status says.
_PERMANENT = _KEY | frozenset({
    "invalidrequesterror", "invalidargument", "modelnotfound", "notfounderror", "unknownparameter", "5006", "5007",
    "5016", "5035", "5400", "5455",
})  # fmt: skip
_BROKEN = frozenset(
    {"servererror", "internalservererror", "vectorstoretimeout", "internal", "unavailable", "3043"}
)

_REFUSED_WORDS = re.compile(
    r"safety[ _]?(?:system|violation|filter|polic|guideline|check)"
    r"|content[ _-]?(?:policy|policies|management policy|moderation\b|filter(?:ed|ing)?\b)|contentfilter"
    r"|moderation_blocked|(?:blocked|rejected|refused|flagged|stopped) by (?:\S+ ){0,3}moderation"
    r"|usage polic|responsible ?ai|\bnsfw\b"
    r"|(?:been|was|were|is|are|as) flagged|flagged (?:as|for|by)\b"
    r"|prohibited[ _]content|image_safety|(?:inappropriate|unsafe|sensitive|harmful) content"
    r"|violat\w+ (?:\S+ ){0,4}(?:polic|guideline|terms)",
    re.IGNORECASE,
)
# The daily allowance, or money.
_QUOTA_WORDS = re.compile(
    r"daily (?:free )?(?:allocation|allowance|quota|limit)|per_?day\b|per day\b|perday|hard limit"
    r"|credits? (?:are|is|has been|have been) (?:depleted|exhausted|used up)|credit balance is too low"
    r"|(?:insufficient|not enough|out of|no) (?:\w+ )?(?:credits?|balance|funds|quota)\b|insufficient_quota"
    r"|payment required|budget has been exceeded|spend(?:ing)? (?:cap|limit)|limit: 0\b",
    re.IGNORECASE,
)
# Gemini says this of both, and adds a time to wait for a rate; others say it only of money.
_EITHER_WORDS = re.compile(
    r"exceeded your current quota|quota (?:has been |is )?(?:exceeded|exhausted)", re.IGNORECASE
)
_RATE_WORDS = re.compile(
    r"per[ _]?min(?:ute)?|(?:try again|retry) in \d|\brpm\b|\btpm\b|retrydelay", re.IGNORECASE
)
_BUSY_WORDS = re.compile(
    r"rate limit (?:reached|exceeded|hit)|too many requests|ratelimiterror", re.IGNORECASE
)
# A gateway stopped waiting; the call behind it may continue and be billed.
GAVE_UP = frozenset({408, 504, 524})


@dataclass(frozen=True, slots=True)
class Told:
    """What a body says about a failure, anywhere in it.

    `codes`: every code, type and reason, in lower case without `_` and `-`. `text`: all messages. `code`, `message`:
    the first of each as it was written, or empty.
    """

    codes: frozenset[str] = frozenset()
    text: str = ""
    code: str = ""
    message: str = ""

    @property
    def is_empty(self) -> bool:
        """Whether the body says nothing about a failure."""
        return not self.codes and not self.text


def told_in(body: Any) -> Told:
    """What a body, parsed JSON or plain text, says about a failure. HTML is ignored."""
    reader = _Reader()
    if isinstance(body, str):
        if not body.lstrip().startswith("<"):
            reader.add_text(body)
    else:
        reader.read(body, 0)
    code = next((code for name, code in reader.codes if name in ("code", "errorcode")), "")
    said = " ".join(reader.texts)
    codes = frozenset(plain(code) for _, code in reader.codes)
    return Told(codes, said[:_MOST_CHARACTERS], code, reader.texts[0] if reader.texts else "")


def told_in_success(body: Any) -> Told:
    """What the body of a success says about a failure: reads only the members for errors, not the data."""
    parts = [body, *(objects(body.get("data")) if isinstance(body, Mapping) else [])]
    members = [
        {name: part[name] for name in part if plain(name) in _CONTAINERS and part[name]}
        for part in parts
        if isinstance(part, Mapping)
    ]
    return told_in(members)


def judged(told: Told, status: int | None) -> tuple[Outcome, bool]:
    """The outcome of a failure, and whether a retry may help. `status`: the HTTP status, None within a stream.

    Codes come before the status, and the status before words.
    """
    status = _status_of(told, status)
    if told.codes & _KEY or status == 401:
        return "provider_error", False
    if told.codes & _REFUSED or _is_moderation(told.codes):
        return "refused", False
    if told.codes & _QUOTA or status == 402:
        return "quota", False
    if told.codes & _BUSY and _RATE_WORDS.search(told.text):
        return "rate_limited", True  # also a daily limit, if it says when to ask again
    if told.codes & _BUSY or status == 429:
        return ("quota", False) if _is_used_up(told) else ("rate_limited", True)
    return _by_words(told, status)


def _by_words(told: Told, status: int) -> tuple[Outcome, bool]:
    if _REFUSED_WORDS.search(told.text):
        return "refused", False
    if _is_used_up(told):
        return "quota", False
    if status < 500 and _BUSY_WORDS.search(told.text):
        return "rate_limited", True
    if told.codes & _TIMEOUT or status in GAVE_UP:
        return "timeout", True
    if status >= 500 or told.codes & _BROKEN:
        return "provider_error", not told.codes & _PERMANENT or status >= 500
    # 409: busy with another request; 425, 499: too early or cancelled by them. A redirect means a wrong URL.
    return "provider_error", status in (409, 425, 499) or (status < 300 and not told.codes & _PERMANENT)


def plain(name: object) -> str:
    """A name or code in the form for comparison: `contentFilter` and `content_filter` become equal."""
    return re.sub(r"[^a-z0-9]", "", str(name)[:200].lower())


def _is_moderation(codes: frozenset[str]) -> bool:
    return "imagegenerationusererror" in codes and any("moderation" in code for code in codes)


def _is_used_up(told: Told) -> bool:
    """Whether the daily quota or money is used up, rather than a rate limit reached."""
    quotas = [code for code in told.codes if "per" in code and ("request" in code or "token" in code)]
    if any("perday" in code for code in quotas) or _QUOTA_WORDS.search(told.text):
        return True
    is_rate = bool(quotas) or "resourceexhausted" in told.codes or _RATE_WORDS.search(told.text) is not None
    return not is_rate and _EITHER_WORDS.search(told.text) is not None


def _status_of(told: Told, status: int | None) -> int:
    """The HTTP status, or for a success the status that the error names as its code."""
    if status is not None and status >= 300:
        return status
    named = [int(code) for code in told.codes if re.fullmatch(r"[45]\d\d", code)]
    return min(named, default=status or 200)


class _Reader:
    """Collects the codes and messages in a body."""

    def __init__(self) -> None:
        self.codes: list[tuple[str, str]] = []
        self.texts: list[str] = []
        self._left = 400

    def read(self, said: Any, depth: int) -> None:
        """Collects from an object and the errors in it, or from each part of a list."""
        self._left -= 1
        if depth > _MOST_DEPTH or self._left < 0:
            return
        if isinstance(said, list):
            for part in said[:_MOST_PARTS]:
                if isinstance(part, str):
                    self.add_text(part)
                else:
                    self.read(part, depth + 1)
        elif isinstance(said, Mapping):
            for name, part in list(said.items())[:_MOST_PARTS]:
                self._member(plain(name), part, depth)

    def add_text(self, said: str) -> None:
        """A message, in one line."""
        if text := " ".join(said[:_MOST_CHARACTERS].split()):
            self.texts.append(text)

    def _member(self, name: str, part: Any, depth: int) -> None:
        if name in _CODE_NAMES and isinstance(part, str | int) and not isinstance(part, bool):
            self.codes.append((name, str(part)[:100]))
        if name in _TEXT_NAMES and isinstance(part, str):
            self.add_text(part)
        if name in _FILTERS and _is_filtered(part):
            self.codes.append((name, "content_filter"))
        if name in _CONTAINERS and isinstance(part, list | Mapping):
            self.read(part, depth + 1)


def _is_filtered(results: Any) -> bool:
    """Whether one of Azure's categories blocked the request, as in `{"hate": {"filtered": true}}`."""
    parts = list(results.values())[:_MOST_PARTS] if isinstance(results, Mapping) else []
    return any(isinstance(part, Mapping) and part.get("filtered") is True for part in parts)
