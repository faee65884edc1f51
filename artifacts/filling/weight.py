"""Estimates how many elements a page may become: browsers reopen unclosed formatting tags in later paragraphs."""

import re
from collections import Counter

from turbohtml import TokenType, tokenize

# Browsers, and the parser here, nest at most this deep; an element takes about 170 bytes.
_DEEPEST = 512
MOST_ELEMENTS = 2_000_000
_FORMATTING = frozenset(
    {"a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"}
)
_OPENED = re.compile(rf"<(?:{'|'.join(sorted(_FORMATTING))})[\s/>]", re.IGNORECASE)
# Between these tags and their ends, formatting tags may be parsed differently than a tokenizer can tell.
_PLAIN_TAGS = frozenset(
    {"abbr", "address", "article", "aside", "blockquote", "body", "br", "cite", "dd", "div", "dl", "dt",
     "figcaption", "figure", "footer", "h1", "h2", "h3", "h4", "h5", "h6", "head", "header", "hr", "html",
     "img", "label", "li", "link", "main", "mark", "meta", "nav", "ol", "p", "picture", "section", "source",
     "span", "sub", "sup", "time", "ul"}
)  # fmt: skip


def is_too_heavy(html: str) -> bool:
    """Whether the page could become more than MOST_ELEMENTS elements. May be wrongly true for unusual pages."""
    tags = html.count("<")
    if tags * _DEEPEST <= MOST_ELEMENTS:
        return False
    left_open = len(_OPENED.findall(html)) - _closed(html)
    return tags * min(_DEEPEST, max(1, left_open + 1)) > MOST_ELEMENTS


def _closed(html: str) -> int:
    """How many formatting tags are certainly closed: by an end tag with only plain tags in between."""
    closed = 0
    opened: Counter[str] = Counter()
    for token in tokenize(html):
        if token.type is TokenType.START_TAG:
            if token.tag in _FORMATTING:
                opened[token.tag] += 1
            elif token.tag not in _PLAIN_TAGS:
                opened.clear()
        elif token.type is TokenType.END_TAG and token.tag and opened[token.tag]:
            opened[token.tag] -= 1
            closed += 1
    return closed
