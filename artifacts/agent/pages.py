"""The placeholders of an artifact's template, parsed once per process."""

from functools import lru_cache

from artifacts.filling.placeholders import TemplatePage, read
from artifacts.filling.templates import template_text
from artifacts.models import Artifact
from dali.lib.errors import ConflictError


def page_of(artifact: Artifact) -> TemplatePage:
    """The template's placeholders. Raises ConflictError if the artifact has no template, or its template is gone."""
    if not artifact.template_r2_key:
        raise ConflictError(
            f"the generator '{artifact.generator}' made this artifact, and only templates can be filled by chat; "
            "create one with POST /api/artifacts and templateR2Key"
        )
    return _page(artifact.template_r2_key)


@lru_cache(maxsize=200)
def _page(key: str) -> TemplatePage:
    return read(template_text(key))  # the content of a key never changes


def forget() -> None:
    """Clears the cache."""
    _page.cache_clear()
