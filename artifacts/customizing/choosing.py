"""How somebody says which images: by number, by what is in them, by id or URL, or all of a project; pure."""

import re

from artifacts.customizing.matching import has_words, words_of
from artifacts.customizing.wish import Situation, Wish
from artifacts.customizing.words import bare, count_of, fold, ordinal_of, unquoted, without_politeness

_UUID = r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_ADDRESS = re.compile(
    rf"{_UUID}|\b(?:https?|ftp|file|data|javascript|vbscript|blob|s3|r2):[^\s<>\"]+|/[^\s<>\"]+/[^\s<>\"]+",
    re.IGNORECASE,
)
_NOUN = r"(?:one|image|picture|photo|pic|photograph|option|choice|number|entry|item|shot)"
_NOUNS = r"(?:ones|images|pictures|photos|pics|photographs|shots|of them|of these|of those)"
_ON_SHOW = r"(?: (?:of|in|on|from) (?:the|this|that|your|them|these|those)(?: (?:list|page|row|choices|images|pictures))?| there| above| below| shown)?"
_VERB = re.compile(
    r"(?:use|take|pick|choose|select|go (?:with|for)|have|put|insert|set|give me|show me|get|want|try|keep|add|place|prefer"
    r"|find(?: me)?|look for|search(?: for)?|with)\s+(?=\S)"
)
_SAID_NUMBER = re.compile(rf"(?:the )?(?:{_NOUN}|no\.?|nr\.?|#|nº)? ?(?:no\.? |number |nr\.? )?(\S+?)[.)]?")
_SAID_ORDINAL = re.compile(rf"(?:the )?(?:very )?(\S+)(?: {_NOUN})?{_ON_SHOW}")
_LAST = re.compile(rf"(?:the )?(?:very )?(?:last|bottom|final)(?: {_NOUN})?{_ON_SHOW}")
_TOP = re.compile(rf"(?:the )?(?:very )?top(?:most)?(?: {_NOUN})?{_ON_SHOW}")
_FROM_LAST = re.compile(
    rf"(?:the )?(?:(\S+) (?:to|from|before) (?:the )?(?:last|end)|penultimate|last but one)(?: {_NOUN})?{_ON_SHOW}"
)
_LATEST = re.compile(
    rf"(?:the |your |my |our )?(?:very )?(?:latest|newest|most recent|most recently (?:made|created)|freshest)(?: {_NOUN})?{_ON_SHOW}"
    rf"|(?:the )?(?:last )?{_NOUN} (?:(?:that )?(?:i|you|we)(?: have|'ve)? )?(?:just |last )?(?:made|created|generated)(?: last)?"
)
_SEVERAL = re.compile(rf"(?:the )?(first|last|top|bottom) (\S+)(?: {_NOUNS})?{_ON_SHOW}")
_THAT = re.compile(
    rf"(?:this|that|it|this {_NOUN}|that {_NOUN}|the only {_NOUN}|the suggested {_NOUN}|the suggestion)"
)
_NOT = re.compile(
    r"\b(?:no|not|never|without|except|but|neither|nor|none|cannot|excluding|apart from|other than|instead of|or|\w+n't|dont|doesnt|isnt)\b"
)
_LEADS_TO = re.compile(
    rf"^(?:the |an? |any |some |that |this )?(?:{_NOUN}|ones|images|pictures|photos|something|anything)?\s*"
    r"(?:with|of|showing|that (?:shows?|has|have|contains?|features?|is|are|was)|which (?:shows?|has|is)|where|in which"
    r"|containing|featuring|depicting|from|at|in|on|by|called|named|tagged|about)\s+(?=\S)"
)
_MANY = re.compile(r"\b(?:all|every|everything|each|rest|order|them|project)\b")
# What says which images in more characters than this says more than that.
_LONGEST = 400
_LISTED = re.compile(r"\s*(?:,|;|&|\+|\band\b|\bthen\b|\s)\s*")

_IMAGES = r"(?:images?|pictures?|photos?|pics|photographs|ones|slots|places|placeholders|plates|spaces|gaps)"
_FILL = re.compile(
    rf"(?:fill(?: in| up)?(?: it| this)? )?(?P<all>all|every|everything|each|them all|the rest|the remaining|the others|the next|the)?"
    rf"(?: of)?(?: the| my| our| these| those| them)?(?: remaining| other| empty| open)?(?: ?{_IMAGES})?"
    rf"(?:(?: with| using)(?: all| everything)?(?: of)?(?: the| those| my)?(?: {_IMAGES})?)?"
    r"(?:(?:^| )(?:from|of|in|out of|with)(?: the| my| our)? (?P<project>.+))?"
)
_IN_ORDER = re.compile(
    r"(?:^| )(?:(?:in|by|keeping|keep) (?:that |this |the |their |the same |the right )?(?:order|sequence)|one after (?:the other|another)|in turn|one by one)$"
)
_OTHER_ORDER = re.compile(
    r"\b(?:reversed?|backwards?|random(?:ly)?|oldest|newest first|latest first|shuffled?|descending|ascending)\b"
)


def choose(said: str, situation: Situation, placeholder: str | None = None) -> list[Wish] | None:
    """The wishes in words that are about images, for the placeholder named (None: the one asked)."""
    if address := _address(said):
        return [Wish("image", placeholder, address)]
    if addresses := _addresses(said):
        return spread([Wish("image", None, one) for one in addresses], situation, placeholder)
    quoted = unquoted(said)
    if quoted is not None:
        return [Wish("find", placeholder, quoted)] if has_words(quoted) else None
    if len(said) > _LONGEST:
        return None
    plain = re.sub(r"^no[,.!]\s+", "", fold(said))
    words = _without_verbs(without_politeness(bare(plain), is_loose=True))
    number = number_in(words, situation)
    if number is not None:
        return [Wish("pick", placeholder, number=number)]
    if numbers := _numbers_in(words, situation):
        return spread([Wish("pick", number=one) for one in numbers], situation, placeholder)
    if _LATEST.fullmatch(words):
        return [Wish("latest", placeholder)]
    if _THAT.fullmatch(words):
        return _only(situation, placeholder)
    if _NOT.search(words) or (_OTHER_ORDER.search(words) and _MANY.search(words)):
        return None
    return fill(said, situation, placeholder) or _look_for(words, placeholder)


def number_in(words: str, situation: Situation) -> int | None:
    """The one number that bare words name: itself, by its place, or from the end of what is on show."""
    number = number_said(words)
    if number is not None or _TOP.fullmatch(words):
        return number or 1
    on_show = sorted(situation.numbers())
    from_end = 1 if _LAST.fullmatch(words) else 0
    if found := _FROM_LAST.fullmatch(words):
        from_end = 2 if found[1] is None else {"next": 2}.get(found[1], ordinal_of(found[1]) or 0)
    return on_show[-from_end] if 0 < from_end <= len(on_show) else None


def number_said(words: str) -> int | None:
    """`3`, `number three`, `the third one`: the number in bare words that hold nothing else."""
    found = _SAID_NUMBER.fullmatch(words)
    if found and (number := count_of(found[1])) is not None and words != "the one":
        return number
    found = _SAID_ORDINAL.fullmatch(words)
    return ordinal_of(found[1]) if found else None


def fill(said: str, situation: Situation, placeholder: str | None = None) -> list[Wish] | None:
    """The wish to fill several placeholders from one project; None where the words ask for nothing like it."""
    words = _without_verbs(without_politeness(bare(said), is_loose=True))
    if _OTHER_ORDER.search(words):
        return None
    in_order = _IN_ORDER.search(words)
    words = _IN_ORDER.sub("", words).strip(" .,")
    words = re.sub(r"^(?:in order|one after the other) (?=from |of )", "all ", words)
    if in_order and (project := project_named(words, situation)):
        return [Wish("fill", placeholder, project)]
    found = _FILL.fullmatch(words)
    if not found or not words:
        return None
    named, says_all = found["project"], found["all"] not in (None, "the") or in_order is not None
    if named is None:
        return [Wish("fill", placeholder)] if says_all else None
    says_project = re.match(r"project\b", named) is not None
    if says_all or says_project:
        return [Wish("fill", placeholder, project_named(named, situation) or _project_words(named))]
    # "Images from Lighthouses" are those of a project, "images of boats" are looked for.
    exact = [name for name in situation.projects if bare(name) == bare(named)]
    is_plural = re.search(r"\b(?:images|pictures|photos|pics|ones)\b", words)
    return [Wish("fill", placeholder, exact[0])] if exact and is_plural else None


def project_named(words: str, situation: Situation) -> str | None:
    """The project of the artifact's that is meant: by its name, or by words that only its name holds."""
    wanted = _project_words(words)
    exact = [name for name in situation.projects if bare(name) in (wanted, bare(words))]
    if exact:
        return exact[0]
    parts = set(words_of(wanted))
    fitting = [name for name in situation.projects if parts and parts <= set(words_of(name))]
    return fitting[0] if len(fitting) == 1 else None


def _project_words(words: str) -> str:
    plain = re.sub(r"^(?:the |my |our )?(?:project )?(?:called |named )?", "", bare(words))
    plain = re.sub(r"(?:'s)? project$", "", plain) or plain
    return unquoted(plain) or plain


def _address(said: str) -> str | None:
    """The id or URL that is all there is, but for politeness."""
    found = _ADDRESS.findall(said)
    if len(found) != 1:
        return None
    around = _without_verbs(without_politeness(bare(said.replace(found[0], " x ")), is_loose=True))
    if not re.fullmatch(
        rf"(?:the )?(?:{_NOUN} )?(?:with )?(?:the )?(?:id |url |address )?[<(\"' ]*x[>)\"' ]*", around
    ):
        return None
    address = found[0].rstrip(".,;:!?")
    return address.rstrip(")") if "(" not in address else address


def _addresses(said: str) -> list[str]:
    """Several ids or URLs, one after the other, and nothing else."""
    parts = [
        part.rstrip(".,;") for part in re.split(r"\s*,\s+|\s+", said.strip()) if part not in ("and", "then")
    ]
    return parts if len(parts) > 1 and all(_ADDRESS.fullmatch(part) for part in parts) else []


def _without_verbs(words: str) -> str:
    left = words
    while (
        shorter := without_politeness(
            _VERB.sub("", left, count=1) if _VERB.match(left) else left, is_loose=True
        )
    ) != left:
        left = shorter
    return left


def _numbers_in(words: str, situation: Situation) -> list[int]:
    """Several numbers: listed, as a range, or as the first or last few of those on show."""
    on_show = sorted(situation.numbers())
    if (found := _SEVERAL.fullmatch(words)) and (count := count_of(found[2])) is not None:
        if not 0 < count <= len(on_show):
            return []
        return on_show[:count] if found[1] in ("first", "top") else on_show[-count:]
    if found := re.fullmatch(
        r"(?:numbers |images |pictures |from )?(\w+) ?(?:-|\u2013|to|through|till|until) ?(\w+)", words
    ):
        first, last = count_of(found[1]), count_of(found[2])
        return (
            list(range(first, last + 1)) if first and last and 0 < last - first < len(situation.slots) else []
        )
    plain = re.sub(rf"\b(?:the|numbers?|no\.?|{_NOUN}|{_NOUNS})(?= |$)", " ", f"{words} ").strip()
    parts = [part for part in _LISTED.split(plain) if part]
    if len(parts) < 2:
        return []
    numbers = [count_of(part) or ordinal_of(part) for part in parts]
    return [number for number in numbers if number] if all(numbers) else []


def spread(wishes: list[Wish], situation: Situation, placeholder: str | None) -> list[Wish] | None:
    """Each wish for a placeholder of its own: the one asked, then the images after it that are not filled yet."""
    start = placeholder or situation.asked
    names = [slot.name for slot in situation.slots]
    if start not in names:
        return None
    after = situation.slots[names.index(start) + 1 :]
    targets = [start, *(slot.name for slot in after if slot.is_image and slot.value is None)]
    if len(wishes) > len(targets):
        return None
    return [
        Wish(wish.action, name, wish.text, wish.number) for wish, name in zip(wishes, targets, strict=False)
    ]


def _only(situation: Situation, placeholder: str | None) -> list[Wish] | None:
    """ "That one" is certain where one choice is on show."""
    return [Wish("pick", placeholder, number=situation.offers[0].n)] if len(situation.offers) == 1 else None


def _look_for(words: str, placeholder: str | None) -> list[Wish] | None:
    phrase = re.sub(r"^(?:the|an?|some|any) ", "", _LEADS_TO.sub("", words, count=1))
    phrase = re.sub(rf" (?:{_NOUN[3:-1]}|ones|images|pictures|photos)$", "", phrase)
    return [Wish("find", placeholder, phrase)] if has_words(phrase) else None


def spread(wishes: list[Wish], situation: Situation, placeholder: str | None = None) -> list[Wish] | None:
    """Each wish for a placeholder of its own: the one asked, then the images after it that are not filled yet."""
    start = placeholder or situation.asked
    names = [slot.name for slot in situation.slots]
    if start not in names:
        return None
    after = situation.slots[names.index(start) + 1 :]
    targets = [start, *(slot.name for slot in after if slot.is_image and slot.value is None)]
    if len(wishes) > len(targets):
        return None
    return [
        Wish(wish.action, name, wish.text, wish.number) for wish, name in zip(wishes, targets, strict=False)
    ]


def _only(situation: Situation, placeholder: str | None) -> list[Wish] | None:
    """ "That one" is certain where one choice is on show."""
    return [Wish("pick", placeholder, number=situation.offers[0].n)] if len(situation.offers) == 1 else None
