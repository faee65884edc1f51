"""The placeholders of an artifact's template, parsed once per process."""

from artifacts.filling import templates
from artifacts.filling.placeholders import TemplatePage, read
from artifacts.models import Artifact
from dali.lib.errors import ConflictError

_MOST_PAGES = 200
_pages: dict[str, TemplatePage] = {}  # by key: the content of a key never changes


def page_of(artifact: Artifact) -> TemplatePage:
    """The template's placeholders. Raises ConflictError if the artifact has no template, or its template is gone."""
    key = artifact.template_r2_key
    if not key:
        raise ConflictError(
            f"the generator '{artifact.generator}' made this artifact, and only templates can be filled by chat; "
            "create one with POST /api/artifacts and templateR2Key"
        )
    page = _pages.get(key)
    if page is None:
        page = read(templates.open_template(artifact))
        if len(_pages) >= _MOST_PAGES:
            _pages.clear()
        _pages[key] = page
    return page


def forget() -> None:
    """Clears the cache."""
    _pages.clear()
