"""Rules for choosing images: by number, by content, by id or URL, or all of a project. Pure."""

import re

from artifacts.agent.understanding.intent import Intent, Situation
from artifacts.agent.understanding.matching import has_words, words_of
from artifacts.agent.understanding.words import (
    bare,
    count_of,
    fold,
    ordinal_of,
    unquoted,
    without_politeness,
)

_UUID = r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}"
_ADDRESS = re.compile(
    rf"\b{_UUID}\b|\b(?:https?|ftp|file|data|javascript|vbscript|blob|s3|r2):[^\s<>\"]+|/[^\s<>\"/]+/[^\s<>\"]+",
    re.IGNORECASE,
)
_NOUN_WORDS = "one|image|picture|photo|pic|photograph|option|choice|number|entry|item|shot"
_NOUN = rf"(?:{_NOUN_WORDS})"
_AROUND_ADDRESS = re.compile(
    rf"(?:the )?(?:{_NOUN} )?(?:with )?(?:the )?(?:id |url |address |link )?[<(\"' ]*x[>)\"' ]*"
)
_NOUNS = r"(?:ones|images|pictures|photos|pics|photographs|shots|of them|of these|of those)"
_ON_SHOW = (
    r"(?: (?:of|in|on|from) (?:the|this|that|your|them|these|those)(?: (?:list|page|row|choices|images|pictures))?"
    r"| there| above| below| shown)?"
)
_VERB = re.compile(
    r"(?:use|take|pick|choose|select|go (?:with|for)|have|put|insert|set|give me|show me|get|want|try|keep|add"
    r"|place|prefer|find(?: me)?|look for|search(?: for)?|with)\s+(?=\S)"
)
_SAID_NUMBER = re.compile(rf"(?:the )?(?:{_NOUN}|no\.?|nr\.?|#)? ?(?:no\.? |number |nr\.? )?(\S+?)[.)]?")
_SAID_ORDINAL = re.compile(rf"(?:the )?(?:very )?(\S+)(?: {_NOUN})?{_ON_SHOW}")
_LAST = re.compile(rf"(?:the )?(?:very )?(?:last|bottom|final)(?: {_NOUN})?{_ON_SHOW}")
_TOP = re.compile(rf"(?:the )?(?:very )?top(?:most)?(?: {_NOUN})?{_ON_SHOW}")
_FROM_LAST = re.compile(
    rf"(?:the )?(?:(\S+) (?:to|from|before) (?:the )?(?:last|end)|penultimate|last but one)(?: {_NOUN})?{_ON_SHOW}"
)
_LATEST = re.compile(
    r"(?:the |your |my |our )?(?:very )?(?:latest|newest|most recent|most recently (?:made|created)|freshest)"
    rf"(?: {_NOUN})?{_ON_SHOW}"
    rf"|(?:the )?(?:last )?{_NOUN} (?:(?:that )?(?:i|you|we)(?: have|'ve)? )?(?:just |last )?(?:made|created)(?: last)?"
)
_SEVERAL = re.compile(rf"(?:the )?(first|last|top|bottom) (\S+)(?: {_NOUNS})?{_ON_SHOW}")
_RANGE = re.compile(r"(?:numbers |images |pictures |from )?(\w+) ?(?:-|\u2013|to|through|till|until) ?(\w+)")
_THAT = re.compile(
    rf"this|that|it|(?:this|that|the only|the suggested) {_NOUN}|the suggestion|yes|yes please|ok|okay|sure"
)
_KEEP = re.compile(
    r"keep(?: (?:it|this|that|the same)(?: one| image| as it is)?)?|keep the (?:current|present|old|same) (?:one|image)"
    r"|(?:leave it )?as (?:it is|is)|leave it as it is|no change|unchanged"
)
_NOT = re.compile(
    r"\b(?:no|not|never|without|except|but|neither|nor|none|cannot|excluding|apart from|other than|instead of|or"
    r"|\w+n't|dont|doesnt|isnt)\b"
)
_LEADS_TO = re.compile(
    rf"^(?:the |an? |any |some |that |this )?(?:{_NOUN}|ones|images|pictures|photos|something|anything)?\s*"
    r"(?:with|of|showing|that (?:shows?|has|have|contains?|features?|is|are|was)|which (?:shows?|has|is)|where"
    r"|in which|containing|featuring|depicting|from|at|in|on|by|called|named|tagged|about)\s+(?=\S)"
)
_AFTER_WORDS = re.compile(rf" (?:{_NOUN_WORDS}|ones|images|pictures|photos)$")
# Words that start another request.
_NOT_LOOKED_FOR = re.compile(
    r"(?:change|edit|update|modify|replace|rename|delete|remove|clear|ignore|forget|publish|unpublish|skip)\b"
)
# Longer messages say more than which image.
_LONGEST = 400
_MOST_WORDS = 10
_AMONG_NUMBERS = re.compile(rf"\b(?:the|numbers?|no\.?|{_NOUN}|{_NOUNS})(?= |$)")
_LISTED = re.compile(r"\s*(?:,|;|&|\+|\band\b|\bthen\b|\s)\s*")

_IMAGES = r"(?:images?|pictures?|photos?|pics|photographs|ones|slots|places|placeholders|plates|spaces|gaps)"
_FILL = re.compile(
    r"(?:fill(?: in| up)?(?: it| this)? )?"
    r"(?P<all>all|every|everything|each|them all|the rest|the remaining|the others|the next|the)?"
    r"(?: of)?(?: the| my| our| these| those| them)?(?: remaining| other| empty| open)?"
    rf"(?: ?{_IMAGES})?(?:(?: with| using)(?: all| everything)?(?: of)?(?: the| those| my)?(?: {_IMAGES})?)?"
    r"(?:(?:^| )(?:from|of|in|out of|with)(?: the| my| our)? (?P<project>.+))?"
)
_ORDERED = r"one after (?:the other|another)|in turn|one by one"
_IN_ORDER = re.compile(
    rf"(?:^| )(?:(?:in|by|keeping|keep) (?:that |this |their |the (?:same |right )?)?(?:order|sequence)|{_ORDERED})$"
)
_ORDER_FIRST = re.compile(rf"(?:in order|{_ORDERED}) (?=from |of )")
_OTHER_ORDER = re.compile(
    r"\b(?:reversed?|backwards?|random(?:ly)?|oldest|newest first|latest first|shuffled?|descending|ascending)\b"
)
_MANY = re.compile(r"\b(?:all|every|everything|each|rest|order|them|project)\b")


def choose(said: str, situation: Situation, placeholder: str | None = None) -> list[Intent] | None:
    """The intents of a message about images, for `placeholder` (None: the one asked for)."""
    if address := address_in(said):
        return [Intent("image", placeholder, address)]
    if addresses := _addresses(said):
        return spread([Intent("image", None, one) for one in addresses], situation, placeholder)
    if (quoted := unquoted(said)) is not None:
        return [Intent("find", placeholder, quoted)] if has_words(quoted) else None
    if len(said) > _LONGEST or "\n" in said.strip():
        return None
    plain = re.sub(r"^no[,.!]\s+", "", fold(said))
    words = _without_verbs(without_politeness(bare(plain), is_loose=True))
    if picked := _pick(words, situation, placeholder):
        return picked
    if _NOT.search(words) or (_OTHER_ORDER.search(words) and _MANY.search(words)):
        return None
    return fill(said, situation, placeholder) or _look_for(words, placeholder)


def _pick(words: str, situation: Situation, placeholder: str | None) -> list[Intent] | None:
    """One of the choices offered, or the newest image."""
    if (number := number_in(words, situation)) is not None:
        return [Intent("pick", placeholder, number=number)]
    if numbers := _numbers_in(words, situation):
        return spread([Intent("pick", number=one) for one in numbers], situation, placeholder)
    if _LATEST.fullmatch(words):
        return [Intent("latest", placeholder)]
    if _THAT.fullmatch(words) and len(situation.offers) == 1:
        return [Intent("pick", placeholder, number=situation.offers[0].n)]
    return None


def labelled(words: str, situation: Situation) -> list[Intent]:
    """The choice whose label the words are, or the project they name if projects are offered."""
    plain = without_politeness(words, is_loose=False)
    # A text choice is its own label; the user's own words are taken literally.
    apart = [offer for offer in situation.offers if offer.label != offer.value]
    fitting = [offer for offer in apart if bare(offer.label) in (words, plain)]
    if _KEEP.fullmatch(plain):
        fitting = [offer for offer in apart if offer.label.casefold().startswith("keep ")]
    if apart and all(offer.label in situation.projects for offer in apart):
        plain = re.sub(r"^(?:from|of|in) ", "", _without_verbs(words))
        project = project_named(plain, situation)
        fitting = [offer for offer in apart if offer.label == project]
    return [Intent("pick", number=fitting[0].n)] if len(fitting) == 1 else []


def number_in(words: str, situation: Situation) -> int | None:
    """The one number that the words name: a digit, an ordinal, or a position from the end."""
    if (number := number_said(words)) is not None:
        return number
    if _TOP.fullmatch(words):
        return 1
    on_show = sorted(situation.numbers())
    from_end = 1 if _LAST.fullmatch(words) else 0
    if found := _FROM_LAST.fullmatch(words):
        from_end = 2 if found[1] is None else {"next": 2}.get(found[1], ordinal_of(found[1]) or 0)
    return on_show[-from_end] if 0 < from_end <= len(on_show) else None


def number_said(words: str) -> int | None:
    """`3`, `number three`, `the third one`: the number if the words contain nothing else."""
    found = _SAID_NUMBER.fullmatch(words)
    if found and (number := count_of(found[1])) is not None and words != "the one":
        return number
    found = _SAID_ORDINAL.fullmatch(words)
    return ordinal_of(found[1]) if found else None


def fill(said: str, situation: Situation, placeholder: str | None = None) -> list[Intent] | None:
    """The intent to fill several placeholders from one project; None if the words do not ask for that."""
    words = _without_verbs(without_politeness(bare(said), is_loose=True))
    if _OTHER_ORDER.search(words):
        return None
    in_order = _IN_ORDER.search(words)
    words = _IN_ORDER.sub("", words).strip(" .,")
    words = _ORDER_FIRST.sub("all ", words)
    if in_order and (project := project_named(words, situation)):
        return [Intent("fill", placeholder, project)]
    found = _FILL.fullmatch(words)
    if not found or not words:
        return None
    named, says_all = found["project"], found["all"] not in (None, "the") or in_order is not None
    if named is None:
        return [Intent("fill", placeholder)] if says_all else None
    says_project = re.match(r"project\b", named) is not None
    if says_all or says_project:
        return [Intent("fill", placeholder, project_named(named, situation) or _project_words(named))]
    # "Images from Lighthouses" means a project; "images of boats" is a search.
    exact = [name for name in situation.projects if bare(name) == bare(named)]
    is_plural = re.search(r"\b(?:images|pictures|photos|pics|ones)\b", words)
    return [Intent("fill", placeholder, exact[0])] if exact and is_plural else None


def project_named(words: str, situation: Situation) -> str | None:
    """The artifact's project that is meant: by its name, or by words that only its name contains."""
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


def address_in(said: str) -> str | None:
    """The id or URL, if the message is nothing else but polite words."""
    found = _ADDRESS.findall(said)
    if len(found) != 1:
        return None
    around = _without_verbs(without_politeness(bare(said.replace(found[0], " x ")), is_loose=True))
    if not _AROUND_ADDRESS.fullmatch(around):
        return None
    address = str(found[0]).rstrip(".,;:!?")
    return address.rstrip(")") if "(" not in address else address


def _addresses(said: str) -> list[str]:
    """Several ids or URLs in a row, and nothing else."""
    parts = [
        part.rstrip(".,;") for part in re.split(r"\s*,\s+|\s+", said.strip()) if part not in ("and", "then")
    ]
    return parts if len(parts) > 1 and all(_ADDRESS.fullmatch(part) for part in parts) else []


def _without_verbs(words: str) -> str:
    left, before = words, ""
    while left != before:
        before = left
        left = without_politeness(_VERB.sub("", left, count=1) if _VERB.match(left) else left, is_loose=True)
    return left


def _numbers_in(words: str, situation: Situation) -> list[int]:
    """Several numbers: a list, a range, or the first or last few choices."""
    on_show = sorted(situation.numbers())
    words = _IN_ORDER.sub("", words).strip()
    if (found := _SEVERAL.fullmatch(words)) and (count := count_of(found[2])) is not None:
        some = on_show[:count] if found[1] in ("first", "top") else on_show[-count:]
        return some if 0 < count == len(some) else []
    if found := _RANGE.fullmatch(words):
        first, last = count_of(found[1]) or 0, count_of(found[2]) or 0
        return list(range(first, last + 1)) if 0 < first < last < first + len(situation.slots) else []
    parts = [part for part in _LISTED.split(_AMONG_NUMBERS.sub(" ", f"{words} ").strip()) if part]
    numbers = [count_of(part) or ordinal_of(part) for part in parts]
    return [number for number in numbers if number] if len(parts) > 1 and all(numbers) else []


def spread(
    intents: list[Intent], situation: Situation, placeholder: str | None = None
) -> list[Intent] | None:
    """One intent per placeholder: the one asked for, then the empty image placeholders after it."""
    start = placeholder or situation.asked
    names = [slot.name for slot in situation.slots]
    if start not in names:
        return None
    after = situation.slots[names.index(start) + 1 :]
    targets = [start, *(slot.name for slot in after if slot.is_image and slot.value is None)]
    if len(intents) > len(targets):
        return None
    return [
        Intent(intent.action, name, intent.text, intent.number)
        for intent, name in zip(intents, targets, strict=False)
    ]


def _look_for(words: str, placeholder: str | None) -> list[Intent] | None:
    phrase = re.sub(r"^(?:the|an?|some|any) ", "", _LEADS_TO.sub("", words, count=1))
    phrase = _AFTER_WORDS.sub("", phrase)
    is_number = all(count_of(word) is not None or ordinal_of(word) for word in phrase.split())
    if (
        is_number
        or len(phrase.split()) > _MOST_WORDS
        or _NOT_LOOKED_FOR.match(phrase)
        or not has_words(phrase)
    ):
        return None
    return [Intent("find", placeholder, phrase)]
