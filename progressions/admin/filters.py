"""Filters of the lists; their choices come from the code, never from a scan of a large table."""

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from progressions.enums import ROLLBACK, Code, Judgment, Kind, Purpose
from progressions.provider import providers
from progressions.stream.event_types import STORED


class _WordFilter(SimpleListFilter):
    """Rows whose field of the filter's name holds one of the words."""

    field = ""

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Model]:
        """The rows with the chosen word; all rows without a choice."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(**{self.field: chosen})


class ProviderFilter(_WordFilter):
    """Variants of one provider."""

    title = "provider"
    parameter_name = field = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The known providers."""
        return [(name, name) for name in providers.names()]


class MakerFilter(ProviderFilter):
    """Images of one provider."""

    parameter_name = field = "ai_provider"


class KindFilter(_WordFilter):
    """Work of one kind."""

    title = "kind"
    parameter_name = field = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The kinds of work, and rollbacks."""
        return [(kind, kind) for kind in (*Kind.values, ROLLBACK)]


class CodeFilter(_WordFilter):
    """Variants that failed for one reason."""

    title = "failure"
    parameter_name = field = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The outcomes."""
        return [(code, code.replace("_", " ")) for code in Code.values]


class PurposeFilter(_WordFilter):
    """Calls made for one purpose."""

    title = "purpose"
    parameter_name = field = "purpose"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The purposes."""
        return [(purpose, purpose) for purpose in Purpose.values]


class ServiceFilter(_WordFilter):
    """Calls to one service."""

    title = "service"
    parameter_name = field = "service"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The known providers: services have the same names."""
        return [(name, name) for name in providers.names()]


class TypeFilter(_WordFilter):
    """Events of one type."""

    title = "type"
    parameter_name = field = "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The types of events."""
        return [(word, word) for word in STORED]


class JudgmentFilter(SimpleListFilter):
    """Images that passed, failed or have no verdict."""

    title = "judgment"
    parameter_name = "judgment"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The verdicts, and none."""
        return [*((judgment, judgment) for judgment in Judgment.values), ("none", "none")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Model]:
        """The rows with the chosen verdict."""
        chosen = self.value()
        if chosen == "none":
            return queryset.filter(judgment=None)
        return queryset if chosen is None else queryset.filter(judgment=chosen)
