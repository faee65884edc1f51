"""Filters of the lists; their choices come from the code, never from a scan of a large table."""

from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.admin import SimpleListFilter
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from progressions.enums import ROLLBACK, Code, Judgment, Kind, Purpose
from progressions.provider import providers
from progressions.stream.event_types import STORED


class _WordFilter(SimpleListFilter):
    """Rows whose field, named as the parameter, holds the chosen word."""

    words: ClassVar[Iterable[str]] = ()

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The words, each under its own name."""
        return [(word, word) for word in self.words]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Model]:
        """The rows with the chosen word; all rows without a choice."""
        chosen = self.value()
        return queryset if chosen is None else queryset.filter(**{str(self.parameter_name): chosen})


class ProviderFilter(_WordFilter):
    """Variants of one provider."""

    title = parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The known providers."""
        return [(name, name) for name in providers.names()]


class MakerFilter(ProviderFilter):
    """Images of one provider."""

    parameter_name = "ai_provider"


class ServiceFilter(ProviderFilter):
    """Calls to one service; services have the names of the providers."""

    title = parameter_name = "service"


class KindFilter(_WordFilter):
    """Work of one kind, rollbacks included."""

    title = parameter_name = "kind"
    words = (*Kind.values, ROLLBACK)


class CodeFilter(_WordFilter):
    """Variants that failed for one reason."""

    title = "failure"
    parameter_name = "code"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The outcomes."""
        return [(code, code.replace("_", " ")) for code in Code.values]


class PurposeFilter(_WordFilter):
    """Calls made for one purpose."""

    title = parameter_name = "purpose"
    words = Purpose.values


class TypeFilter(_WordFilter):
    """Events of one type."""

    title = parameter_name = "type"
    words = STORED


class JudgmentFilter(_WordFilter):
    """Images that passed, failed or have no verdict."""

    title = parameter_name = "judgment"
    words = (*Judgment.values, "none")

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Model]:
        """The rows with the chosen verdict, or with none."""
        if self.value() == "none":
            return queryset.filter(judgment=None)
        return super().queryset(request, queryset)
