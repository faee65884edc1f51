"""The parts of a page that a value must never change: elements, attributes, scripts and link targets."""

import re
from typing import Any

import turbohtml

_SCHEME = re.compile(r"\s*([a-z][a-z0-9+.\-]*):", re.IGNORECASE)
_RAW = {"script", "style", "xmp", "iframe", "noembed", "noframes", "noscript", "plaintext"}
_ADDRESSES = {"href", "src", "action", "formaction", "xlink:href", "poster", "data", "background", "cite"}


def shape_of(html: str, *, is_scripting: bool = True) -> list[Any]:
    """Every element with its depth, its attribute names and the content of active attributes; every comment.

    Includes text only from script and style, with each URL in a style as one word.
    """
    tree = turbohtml.parse(html, scripting=is_scripting, allow_declarative_shadow_roots=False)
    return [described for node in tree.descendants if (described := _described(node)) is not None]


def _described(node: turbohtml.Node) -> Any:
    depth = sum(1 for _ in node.ancestors)
    if isinstance(node, turbohtml.Element):
        acting = {
            name: _styled(value)
            for name in node.attrs
            if _acts(name) and (value := node.attr(name)) is not None
        }
        return depth, node.tag, str(node.namespace), sorted(node.attrs), acting
    if isinstance(node, turbohtml.Comment):
        return depth, "comment", node.data
    parent = node.parent
    if isinstance(node, turbohtml.Text) and isinstance(parent, turbohtml.Element) and parent.tag in _RAW:
        return depth, parent.tag, _styled(node.data)
    return None


def _acts(name: str) -> bool:
    return name.lower().startswith("on") or name.lower() in {
        "style",
        "srcdoc",
        "http-equiv",
        "sandbox",
        "nonce",
    }


def _styled(text: str | None) -> str:
    return re.sub(
        r"(url\(\s*[\"']?)[A-Za-z0-9:/._~%+@#\\-]*([\"']?\s*\))", r"\1\2", text or "", flags=re.IGNORECASE
    )


def leads_to(html: str) -> set[str]:
    """The schemes of all URLs in the page."""
    found = set()
    for node in turbohtml.parse(html).descendants:
        if isinstance(node, turbohtml.Element):
            for name in node.attrs:
                scheme = _SCHEME.match(re.sub(r"[\t\r\n]", "", node.attr(name) or ""))
                if name.lower() in _ADDRESSES and scheme:
                    found.add(scheme[1].lower())
    return found
