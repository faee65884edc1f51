"""The stream in the OpenAPI document: its route, which is not Django's, and every event as a union."""

from typing import Any

from dali.lib.web.pagination import MOST_WHOLE
from dali.lib.web.schema.types import Schema, event_stream_of, schema_of
from dali.lib.web.schema.views import error_answers
from progressions.enums import SESSION_ID
from progressions.stream.event_types import GAPS, STORED

_REFS = "#/components/schemas/"
EVENTS_SCHEMA: Schema = {"type": "array", "items": {"$ref": f"{_REFS}Event"}}
_PATH = "/api/stream/{session_id}"
_DESCRIPTION = """\
Plain HTTP answers Server-Sent Events: `id:` is the event's `seq`, `data:` is the event as JSON, there is no `event:`
line. A comment line is sent where nothing happens for 20 seconds.

**WebSocket**: the same address, opened as a WebSocket (`ws:` or `wss:`), sends one event a message, or with `batch=1`
a JSON array of one or more. Messages from the client are ignored; at most 4 KiB each. Pings are sent every 20 seconds.
Close codes: 4400 bad input, 4401 no key or ticket, 4408 the reader was more than 8 MB behind, 1009 a message was too
large, 1008 too many frames, 1013 try again later. A page of a foreign origin is refused in the handshake (403).

**Order**: within a variant `queued`, `running`, `progress` ..., `judge`, `complete`; or `fail` at the end. `seq` rises
by one within a session. `after` (or `Last-Event-ID`, which wins) first replays what was missed. Without either, the
stream begins at the first event of the session's oldest unfinished job, otherwise of its newest job, otherwise with
what comes. Where `after` is beyond the newest event or what is asked for is pruned, a `gap` comes first.

Where a key is asked for on reads, a browser passes `ticket` from `POST /api/stream/{session_id}/tickets`.
"""


def stream_paths() -> dict[str, Any]:
    """The route of the stream."""
    operation = {
        "operationId": "api_stream_retrieve",
        "summary": "Events of a session",
        "description": _DESCRIPTION,
        "tags": ["api"],
        "parameters": _parameters(),
        "security": [{"ApiKey": []}, {}],
        "responses": {
            "200": {
                "description": "Events, until either side ends the stream.",
                "content": event_stream_of("StreamEvent"),
            },
            **error_answers(
                {
                    400: "Session id, `after`, `batch` or `Last-Event-ID` is not as it must be.",
                    401: "No key or ticket where one is needed, or a wrong one.",
                    403: "A page of an origin that may not read here.",
                    405: "The stream is read by GET.",
                    406: "`Accept` does not take text/event-stream.",
                    503: "A dependency is down.",
                }
            ),
        },
    }
    return {_PATH: {"get": operation}}


def _parameters() -> list[dict[str, Any]]:
    seq: Schema = {"type": "integer", "minimum": 0, "maximum": MOST_WHOLE}
    return [
        {
            "name": "session_id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": f"^{SESSION_ID}$"},
        },
        {
            "name": "after",
            "in": "query",
            "allowEmptyValue": True,
            "description": "The last `seq` known: what came after it is sent first.",
            "schema": seq,
        },
        {
            "name": "batch",
            "in": "query",
            "allowEmptyValue": True,
            "description": "1: a WebSocket message is a JSON array of events.",
            "schema": {"type": "integer", "enum": [0, 1]},
        },
        {
            "name": "ticket",
            "in": "query",
            "allowEmptyValue": True,
            "description": "In place of a key, for at most 60 seconds: of that session alone.",
            "schema": {"type": "string"},
        },
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "As `after`, sent by browsers that connect again; it wins.",
            "schema": seq,
        },
    ]


def event_components() -> dict[str, Schema]:
    """Every form of every event, a union for each type, and the unions of all."""
    components: dict[str, Schema] = {}
    names: dict[str, str] = {}
    for type_, forms in (STORED | GAPS).items():
        for form in forms:
            components[form.__name__] = schema_of(form)
        name = names[type_] = f"{type_.capitalize()}Event"
        if len(forms) > 1:
            components[name] = {"oneOf": [_ref(form.__name__) for form in forms]}
    components["Event"] = _union("An event as it is stored.", {type_: names[type_] for type_ in STORED})
    components["StreamEvent"] = _union("What a stream sends.", names)
    return components


def _union(description: str, names: dict[str, str]) -> Schema:
    return {
        "description": description,
        "oneOf": [_ref(name) for name in names.values()],
        "discriminator": {
            "propertyName": "type",
            "mapping": {type_: f"{_REFS}{name}" for type_, name in names.items()},
        },
    }


def _ref(name: str) -> dict[str, str]:
    return {"$ref": f"{_REFS}{name}"}
