"""The stream in the OpenAPI document: its route, which Django does not serve, and the union of events."""

from typing import Any

from dali.lib.web.pagination import MOST_WHOLE
from dali.lib.web.schema.types import Schema, schema_of
from dali.lib.web.streams.schema import event_stream_answers, parameter
from progressions.enums import SESSION_ID
from progressions.stream.event_types import GAPS, STORED, Envelope

_REFS = "#/components/schemas/"
EVENTS_SCHEMA: Schema = {"type": "array", "items": {"$ref": f"{_REFS}Event"}}
_PATH = "/api/stream/{session_id}"
_DESCRIPTION = """\
Plain HTTP answers Server-Sent Events: `id:` is the event's `seq`, `data:` is the event as JSON, there is no `event:`
line. A comment line is sent after 20 seconds without events.

**WebSocket**: the same URL, opened as a WebSocket (`ws:` or `wss:`), sends one event per message, or with `batch=1`
a JSON array of one or more. Messages from the client are ignored, and have at most 4 KiB. A ping is sent every 20
seconds. Close codes: 4400 bad input, 4401 no key or ticket, 4408 the reader was more than 8 MB behind, 1009 a message
was too large, 1008 too many frames, 1013 try again later. A page of a foreign origin is refused in the handshake (403).

**Order**: within a variant `queued`, `running`, `progress` ..., `judge`, `complete`; or `fail` at the end. `seq` rises
by one within a session. `after` (or `Last-Event-ID`, which wins) first replays what was missed. Without either, the
stream begins at the first event of the session's oldest unfinished job, otherwise of its newest job, otherwise with
the next event. If `after` is beyond the newest event or the wanted events are pruned, a `gap` comes first.

If reads need a key, a browser passes `ticket` from `POST /api/stream/{session_id}/tickets`.
"""


def stream_paths() -> dict[str, Any]:
    """The stream's route."""
    seq: Schema = {"type": "integer", "minimum": 0, "maximum": MOST_WHOLE}
    operation = {
        "operationId": "api_stream_retrieve",
        "summary": "Events of a session",
        "description": _DESCRIPTION,
        "tags": ["api"],
        "parameters": [
            parameter("session_id", "path", {"type": "string", "pattern": f"^{SESSION_ID}$"}),
            parameter("after", "query", seq, "The last known `seq`: the events after it are sent first."),
            parameter(
                "batch",
                "query",
                {"type": "integer", "enum": [0, 1]},
                "1: a WebSocket message is a JSON array of events.",
            ),
            parameter(
                "ticket",
                "query",
                {"type": "string"},
                "In place of a key: valid for 60 seconds, for this session only.",
            ),
            parameter(
                "Last-Event-ID", "header", seq, "As `after`; browsers send it when they reconnect. It wins."
            ),
        ],
        "security": [{"ApiKey": []}, {}],
        "responses": event_stream_answers(
            "StreamEvent",
            {
                400: "Session id, `after`, `batch` or `Last-Event-ID` is not valid.",
                401: "A required key or ticket is missing, or it is not valid.",
                403: "The page's origin may not read here.",
                405: "Use GET to read the stream.",
                406: "`Accept` does not allow text/event-stream.",
                503: "A dependency is down.",
            },
        ),
    }
    return {_PATH: {"get": operation}}


def event_components() -> dict[str, Schema]:
    """The schemas of all forms, a union for each type, and the unions of all."""
    components: dict[str, Schema] = {}
    names: dict[str, str] = {}
    for types, schema in ((STORED, stored_schema), (GAPS, schema_of)):
        for type_, forms in types.items():
            components |= {form.__name__: schema(form) for form in forms}
            name = names[type_] = f"{type_.capitalize()}Event"
            if len(forms) > 1:
                components[name] = {"oneOf": [_ref(form.__name__) for form in forms]}
    components["Event"] = _union("A stored event.", {type_: names[type_] for type_ in STORED})
    components["StreamEvent"] = _union("Anything that a stream sends.", names)
    return components


def stored_schema(form: Any) -> Schema:
    """The schema of an event as it is stored: its form in the envelope."""
    envelope, body = schema_of(Envelope), schema_of(form)
    required = envelope["required"] + body["required"]
    return {**body, "required": required, "properties": envelope["properties"] | body["properties"]}


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
