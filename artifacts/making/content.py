"""Builds the content of an artifact from its template and its configuration rows."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from django.conf import settings

from artifacts.filling.rendering import render
from artifacts.filling.syntax import is_image
from artifacts.filling.templates import MEDIA_TYPE, open_template
from artifacts.generator import File
from artifacts.making import building
from artifacts.models import Artifact
from progressions.delivery import image_origins, origin_of, public_url
from progressions.models import ImageProgression


def fill(artifact: Artifact) -> building.Built:
    """Renders the template with all rows of `artifact_configurations` and stores the page; earlier pages stay stored.

    `problems` of the manifest: sentences about what was not filled or not accepted. The same rows give the same bytes.
    Does not change the row; no transaction is open. Raises ConflictError without a template.
    """
    html = open_template(artifact)
    rows = dict(artifact.configurations.order_by("id").values_list("config_key", "config_value"))
    known = _known_images(artifact, rows)
    values, problems = _delivered(rows, known)
    rendered = render(html, values)
    problems += rendered.problems
    shown = list(dict.fromkeys(known[rows[name]].id for name in rows if rows[name] in known))
    return building.store(
        artifact,
        [File("index.html", MEDIA_TYPE, rendered.text.encode())],
        generator="",
        progressions=[str(one) for one in shown],
        also={"template": artifact.template_r2_key, "values": rows, "problems": problems},
    )


def _known_images(artifact: Artifact, rows: Mapping[str, str]) -> dict[str, ImageProgression]:
    """The images of the artifact's projects that the rows name, by their URL in the row."""
    addresses = {value: _stored_forms(value) for name, value in rows.items() if is_image(name) and value}
    wanted = {form for forms in addresses.values() for form in forms}
    found = ImageProgression.objects.filter(
        project__in=artifact.projects.all(), generated_image_url__in=wanted
    ).order_by("created_at", "id")
    by_address = {row.generated_image_url: row for row in found}
    return {
        value: by_address[form] for value, forms in addresses.items() for form in forms if form in by_address
    }


def _stored_forms(value: str) -> set[str]:
    """The forms an image's URL may have in a row: as given, or a path of this server (its origin may have changed)."""
    try:
        path = urlsplit(value).path
    except ValueError:
        return {value}
    return {value, path} if path.startswith("/") else {value}


def _delivered(
    rows: Mapping[str, str], known: Mapping[str, ImageProgression]
) -> tuple[dict[str, str], list[str]]:
    """The values to render: only images that this Dali delivers; others are emptied and reported."""
    values, problems = dict(rows), []
    origins = {origin_of(settings.PUBLIC_ORIGIN), *image_origins()}
    for name, value in rows.items():
        if not is_image(name) or not value:
            continue
        if value in known:
            values[name] = public_url(known[value].generated_image_url)
        elif _origin_of(value) not in origins:
            values[name] = ""
            problems.append(f"{name}: “{value[:80]}” is not an image delivered by this server; left empty")
    return values, problems


def _origin_of(value: str) -> str:
    try:
        return origin_of(public_url(value))
    except ValueError:  # not a URL, such as "http://["
        return ""
