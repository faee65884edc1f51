"""How the fields of a submission must fit together (`drafts`), as JSON Schema for the OpenAPI document.

It depends on this server's settings and plug-ins: providers without credentials are not listed.
"""

from collections.abc import Sequence
from typing import Any

from django.conf import settings

from dali.lib.calls.targets import LEAST_OTHER_PORT, MAX_PORT
from dali.lib.web.schema.fields import ANY_JSON_REF, BLANK, PLAIN_OBJECT, SPACE, trimmed, whole_number_pattern
from progressions.enums import Kind
from progressions.pipeline.intake.drafts import NEEDS_IMAGE
from progressions.provider import Provider, providers

Schema = dict[str, Any]

_LABEL = "[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_LAST_LABEL = "[A-Za-z_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_PORT = f":(?:80|443|{whole_number_pattern(LEAST_OTHER_PORT, MAX_PORT)})"
_REST = r"[^\u0000-\u0020\u007f-\u00a0\\]*"
_NOTHING: Schema = {"anyOf": [{"type": "null"}, {"type": "string", "pattern": BLANK}]}
_PARENT: Schema = {"type": "string"}
_NO_SEEDS: Schema = {"properties": {"seeds": {"type": ["object", "null"], "maxProperties": 0}}}


def job_rules() -> Schema:
    """The rules that are merged into the schema of a submission."""
    configured = [provider for provider in providers.all() if not provider.missing()]
    names = [provider.name for provider in configured]
    return {
        "properties": {
            "providers": {"items": {"enum": names}, "maxItems": len(names)},
            "startImageUrl": {"pattern": _source_pattern()},
            "maskImageUrl": {"pattern": _source_pattern()},
            "models": _models(configured),
            "seeds": {"propertyNames": {"enum": names}},
            "options": _options(configured),
        },
        "allOf": [
            {"title": "What each kind starts from", "anyOf": _kinds()},
            {"anyOf": [{"properties": {"seed": {"type": "null"}}}, _NO_SEEDS]},
            {"title": "One seed for each variant", "anyOf": _seed_counts()},
            *(rule for provider in configured for rule in _rules_of(provider, len(names))),
        ],
    }


def _models(configured: Sequence[Provider]) -> Schema:
    known = {one.name: one.job_rules().get("model", {}) for one in configured}
    return {"properties": known, "additionalProperties": False}


def _options(configured: Sequence[Provider]) -> Schema:
    """Options of providers that the job does not use are not checked."""
    asked = {one.name: {**PLAIN_OBJECT, **one.job_rules().get("options", {})} for one in configured}
    others = {name: ANY_JSON_REF for name in providers.names() if name not in asked}
    return {"description": "By provider.", "properties": asked | others, "additionalProperties": False}


def _kinds() -> list[Schema]:
    """What each kind starts from: one of these must match."""
    image: Schema = {"type": "string", "pattern": f"[^{SPACE}]"}
    no_mask = {"maskImageUrl": _NOTHING}
    changing = [kind.value for kind in Kind if kind in NEEDS_IMAGE and kind != Kind.INPAINT]
    return [
        {
            "title": "Without an image",
            "properties": {"kind": {"enum": [Kind.GENERATE, None]}, "startImageUrl": _NOTHING, **no_mask},
        },
        {
            "title": "From a start image",
            "required": ["startImageUrl"],
            "properties": {"kind": {"enum": [*changing, None]}, "startImageUrl": image, **no_mask},
        },
        {
            "title": "From an earlier image",
            "required": ["kind", "parentProgressionId"],
            "properties": {"kind": {"enum": changing}, "parentProgressionId": _PARENT, **no_mask},
        },
        {
            "title": "Within a mask, from a start image",
            "required": ["kind", "startImageUrl", "maskImageUrl"],
            "properties": {"kind": {"const": Kind.INPAINT}, "startImageUrl": image, "maskImageUrl": image},
        },
        {
            "title": "Within a mask, from an earlier image",
            "required": ["kind", "parentProgressionId", "maskImageUrl"],
            "properties": {
                "kind": {"const": Kind.INPAINT},
                "parentProgressionId": _PARENT,
                "maskImageUrl": image,
            },
        },
    ]


def _seed_counts() -> list[Schema]:
    """One seed for each variant: none, or as many as `variants`."""
    one = {"properties": {"variants": {"enum": [1, None]}, "seeds": _lists_of(1)}}
    more = [
        {"required": ["variants"], "properties": {"variants": {"const": count}, "seeds": _lists_of(count)}}
        for count in range(2, settings.MAX_VARIANTS + 1)
    ]
    return [_NO_SEEDS, one, *more]


def _lists_of(count: int) -> Schema:
    return {"additionalProperties": {"minItems": count, "maxItems": count}}


def _rules_of(provider: Provider, count: int) -> list[Schema]:
    """The rules if a job uses this provider: for kind, size, and fields that name the provider."""
    rules: Schema = {}
    if provider.kinds != frozenset(Kind):
        rules["kind"] = {"enum": [*(kind.value for kind in Kind if kind in provider.kinds), None]}
    if size := provider.job_rules().get("size"):
        rules["size"] = size
    found = [_where(rules, provider.name, count)] if rules else []
    if count > 1:
        is_asked = {"properties": {"providers": {"contains": {"const": provider.name}}}}
        for field in ("models", "seeds"):
            is_named = {"type": "object", "required": [provider.name]}
            found.append({"if": {"required": [field], "properties": {field: is_named}}, "then": is_asked})
    return found


def _where(rules: Schema, name: str, count: int) -> Schema:
    """The rules if the job uses this provider, which it always does if there is no other."""
    if count == 1:
        return {"properties": rules}
    return {
        "if": {"properties": {"providers": {"contains": {"const": name}}}},
        "then": {"properties": rules},
    }


def _source_pattern() -> str:
    """An http(s) URL of a public or explicitly allowed host, or an address or path of this server."""
    hosts = "|".join([f"(?:{_LABEL}\\.)+{_LAST_LABEL}\\.?(?:{_PORT})?", *_plain(settings.FETCH_ALLOW_HOSTS)])
    url = f"[Hh][Tt][Tt][Pp][Ss]?://(?:{hosts})(?:[/?#]{_REST})?"
    own = "|".join(_plain([settings.PUBLIC_ORIGIN]))
    return trimmed(f"(?:{url}|(?:{own})?/(?:[^/\\\\\\u0000-\\u0020\\u007f-\\u00a0]{_REST})?|)")


def _plain(texts: Sequence[str]) -> list[str]:
    """Each text, escaped for an ECMA-262 pattern."""
    special = ".[]()*+?$^|{}\\"
    return ["".join(f"\\{one}" if one in special else one for one in text) for text in texts if text]
