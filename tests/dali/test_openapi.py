"""The OpenAPI document: valid, complete, true, and shown without external resources."""

import asyncio
import json
import re
from typing import Any

import pytest
from channels.testing import HttpCommunicator
from django.core.management import call_command
from django.urls import URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from dali.health import health_application
from tests.clients import anonymous

# Answered by separate applications, which have no URL pattern in Django.
OUTSIDE_DJANGO = {
    ("get", "/healthz"),
    ("get", "/readyz"),
    ("get", "/api/stream/{session_id}"),
    ("get", "/public/artifact/{slug}/live"),
    ("get", "/public/lookbook/{slug}/live"),
}


def document() -> dict[str, Any]:
    made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    plain: dict[str, Any] = json.loads(json.dumps(made))
    return plain


def routes() -> set[tuple[str, str]]:
    """Every (method, path) below /api and /public that the code answers, with paths as in the document."""
    found = set(OUTSIDE_DJANGO)

    def walk(resolver: URLResolver, prefix: str) -> None:
        for entry in resolver.url_patterns:
            path = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                walk(entry, path)
            elif path.startswith(("/api/", "/public/")):
                named = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path)
                found.update((method, named) for method in methods_of(entry.callback))

    walk(get_resolver(), "/")
    return found


def methods_of(view: Any) -> set[str]:
    """The methods that a view answers; HEAD comes with GET, and a function view accepts no other."""
    view_class = getattr(view, "cls", None)
    if view_class is None:
        return {"get"}
    handlers = getattr(view, "actions", None) or {name: name for name in view_class.http_method_names}
    return {method for method, name in handlers.items() if hasattr(view_class, name)} - {"head", "options"}


def test_the_document_is_valid_openapi_31_without_a_warning(tmp_path: Any) -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(tmp_path / "schema.yml"))
    made = document()
    assert made["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(made).validate()


def test_every_route_is_in_the_document_and_nothing_else_is() -> None:
    listed = {
        (method, path)
        for path, item in document()["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert listed == routes()


def test_the_routes_of_the_contract_are_present() -> None:
    assert routes() >= {
        ("get", "/api/projects"), ("post", "/api/projects"),
        ("get", "/api/projects/{project_id}"), ("patch", "/api/projects/{project_id}"),
        ("get", "/api/projects/{project_id}/progressions"),
        ("get", "/api/progressions/{progression_id}"), ("get", "/api/progressions/{progression_id}/lineage"),
        ("post", "/api/progressions/{progression_id}/rollback"), ("post", "/api/progressions/{progression_id}/retry"),
        ("post", "/api/projects/{project_id}/jobs"), ("get", "/api/projects/{project_id}/jobs"),
        ("get", "/api/jobs/{job_id}"), ("get", "/api/jobs/{job_id}/events"),
        ("post", "/api/jobs/{job_id}/cancel"), ("post", "/api/jobs/{job_id}/retry"),
        ("post", "/api/variants/{variant_id}/keep"), ("post", "/api/uploads"), ("get", "/api/providers"),
        ("post", "/api/stream/{session_id}/tickets"),
        ("get", "/api/artifact-generators"), ("post", "/api/projects/{project_id}/artifacts/lookbook"),
        ("get", "/api/artifacts"), ("post", "/api/artifacts"), ("get", "/api/artifacts/{artifact_id}"),
        ("post", "/api/artifacts/{artifact_id}/associate"), ("post", "/api/artifacts/{artifact_id}/rebuild"),
        ("post", "/api/artifacts/{artifact_id}/publish"), ("post", "/api/artifacts/{artifact_id}/unpublish"),
        ("get", "/api/artifacts/{artifact_id}/views"),
    }  # fmt: skip


def test_events_are_a_union_discriminated_by_type() -> None:
    made = document()
    schemas = made["components"]["schemas"]
    items = made["paths"]["/api/jobs/{job_id}/events"]["get"]["responses"]["200"]["content"]
    assert items["application/json"]["schema"]["items"] == {"$ref": "#/components/schemas/Event"}
    types = {"queued", "running", "progress", "judge", "fail", "complete"}
    assert set(schemas["Event"]["discriminator"]["mapping"]) == types
    assert set(schemas["StreamEvent"]["discriminator"]["mapping"]) == types | {"gap"}
    stream = made["paths"]["/api/stream/{session_id}"]["get"]
    assert {one["name"] for one in stream["parameters"]} == {
        *("session_id", "after", "batch", "ticket", "Last-Event-ID"),
    }
    assert "WebSocket" in stream["description"]


def test_lists_link_to_the_next_page_and_accept_empty_parameters() -> None:
    for method, path, operation in operations():
        queries = [one for one in operation.get("parameters", []) if one["in"] == "query"]
        assert all(one["allowEmptyValue"] for one in queries), path
        has_link = "Link" in operation["responses"].get("200", {}).get("headers", {})
        assert has_link == (method == "get" and any(one["name"] == "limit" for one in queries)), path


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_is_answered_as_documented(path: str) -> None:
    answers = document()["paths"][path]["get"]["responses"]

    async def ask() -> tuple[int, bytes]:
        communicator = HttpCommunicator(health_application(None), "GET", path)  # type: ignore[arg-type]
        answer = await communicator.get_response(timeout=30)
        return answer["status"], answer["body"]

    status, content = asyncio.run(ask())
    schema = answers[str(status)]["content"]["application/json"]["schema"]
    assert OAS31Validator(schema).is_valid(json.loads(content))


def operations() -> list[tuple[str, str, dict[str, Any]]]:
    return [
        (method, path, operation)
        for path, item in document()["paths"].items()
        for method, operation in item.items()
        if isinstance(operation, dict)
    ]


def test_writes_need_a_key_in_the_document_and_reads_do_not() -> None:
    for method, path, operation in operations():
        expected: list[dict[str, list[str]]] = [{"ApiKey": []}]
        if not path.startswith("/api/"):
            expected = [{}]
        elif method == "get" and not path.endswith(("/answers", "/answers.csv")):
            expected.append({})
        assert operation.get("security", [{}]) == expected, path
        assert ("401" in operation["responses"]) == path.startswith("/api/"), path


def test_refusals_are_documented() -> None:
    submit = document()["paths"]["/api/projects/{project_id}/jobs"]["post"]
    assert set(submit["responses"]) == {
        *("202", "400", "401", "404", "406", "413", "415", "422", "429", "503"),
    }
    assert set(submit["responses"]["202"]["headers"]) == {"Location", "Idempotent-Replayed"}
    assert set(submit["responses"]["429"]["headers"]) == {"Retry-After"}
    for code in ("400", "401", "404", "413", "415", "422", "429", "503"):
        assert submit["responses"][code]["content"]["application/json"]["schema"] == {
            "$ref": "#/components/schemas/Error"
        }


@pytest.mark.django_db
def test_the_document_is_served_as_json() -> None:
    answer = anonymous().get("/api/schema")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    assert answer.json()["openapi"] == "3.1.0"
    assert (
        anonymous().get("/api/schema", headers={"Accept": "application/vnd.oai.openapi"}).content[:8]
        == b"openapi:"
    )


@pytest.mark.django_db
def test_the_page_uses_no_external_and_no_inline_resources() -> None:
    page = anonymous().get("/api/docs")
    assert page.status_code == 200
    text = page.content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert len(addresses) == 5
    assert [address for address in addresses if not address.startswith("/")] == []
    assert re.findall(r"<script(?![^>]*src=)|<style|\son\w+=", text) == []
    for address in addresses:
        asked = anonymous().get(address.replace("&amp;", "&"))
        assert asked.status_code == 200, address
        asked.close()
