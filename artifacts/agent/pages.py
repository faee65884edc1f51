"""The placeholders of an artifact's template, parsed once a process."""

from artifacts.filling import templates
from artifacts.filling.placeholders import TemplatePage, read
from artifacts.models import Artifact
from dali.lib.errors import ConflictError

_MOST_PAGES = 200
_pages: dict[str, TemplatePage] = {}  # by key: what is stored under a key never changes


def page_of(artifact: Artifact) -> TemplatePage:
    """What the artifact's template needs. Raises ConflictError where it has none, or its template is gone."""
    key = artifact.template_r2_key
    if not key:
        raise ConflictError(
            f"the generator '{artifact.generator}' made this artifact: only a template is filled by talking; "
            "POST /api/artifacts with templateR2Key makes one"
        )
    page = _pages.get(key)
    if page is None:
        page = read(templates.open_template(artifact))
        if len(_pages) >= _MOST_PAGES:
            _pages.clear()
        _pages[key] = page
    return page


def forget() -> None:
    """Has every template be read again."""
    _pages.clear()
