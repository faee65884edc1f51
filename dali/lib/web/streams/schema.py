"""Describes streams in the OpenAPI document, because Django does not serve them."""

from dali.lib.web.schema.types import Schema
from dali.lib.web.schema.views import error_answers

# An empty query parameter means the same as an absent one.
_BY_PLACE: dict[str, Schema] = {"path": {"required": True}, "query": {"allowEmptyValue": True}, "header": {}}


def parameter(name: str, place: str, schema: Schema, description: str = "") -> Schema:
    """One parameter. `place`: `path`, `query` or `header`."""
    described = {"description": description} if description else {}
    return {"name": name, "in": place, **_BY_PLACE[place], **described, "schema": schema}


def event_stream_answers(component: str, errors: dict[int, str]) -> Schema:
    """The answers of a stream of Server-Sent Events: each `data:` line holds one `component`."""
    data = {
        "type": "string",
        "description": f"Each `data:` line holds one `{component}`.",
        "contentMediaType": "application/json",
        "contentSchema": {"$ref": f"#/components/schemas/{component}"},
    }
    events = {
        "description": "Events, until either side ends the stream.",
        "content": {"text/event-stream": {"schema": data}},
    }
    return {"200": events, **error_answers(errors)}
