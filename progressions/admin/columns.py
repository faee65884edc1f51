"""What columns of several lists show: two lines, JSON, links to a job or project."""

import json
from typing import Any
from uuid import UUID

from django.utils.html import format_html
from django.utils.safestring import SafeString

from dali.lib.web.admin import EMPTY, link_to


def two_lines(first: object, second: object) -> SafeString:
    """The second line is less prominent."""
    return format_html('{}<br><span class="quiet">{}</span>', first, second)


def as_json(value: object, **options: Any) -> SafeString:
    """Indented JSON; `options` are those of `json.dumps`."""
    return format_html('<pre class="json">{}</pre>', json.dumps(value, indent=2, **options))


def link_to_job(job_id: UUID | None, text: object = None) -> SafeString | str:
    """A link to the job; without a text it shows the end of the id."""
    if job_id is None:
        return EMPTY
    return link_to("admin:progressions_job_change", job_id, text or str(job_id)[-12:])


def link_to_project(project_id: UUID | None, text: object) -> SafeString | str:
    """A link to the project."""
    return EMPTY if project_id is None else link_to("admin:projects_project_change", project_id, text)
