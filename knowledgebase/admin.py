"""The admin of the knowledge base: tips, the preview of a prompt, prices."""

from typing import Any, TypeVar

from django.contrib import admin, messages
from django.contrib.admin.utils import model_ngettext
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from dali.lib.web.admin import EMPTY, LeanAdmin, column, words
from knowledgebase import vocabulary
from knowledgebase.forms import SAMPLE_PROMPT, PriceForm, SampleForm, TipForm
from knowledgebase.models import Price, Tip
from knowledgebase.preview import Preview, preview
from knowledgebase.queries import TipSet, tip_text, tips_by_provider
from knowledgebase.services import switch

R = TypeVar("R", Tip, Price)


class SwitchableAdmin(LeanAdmin[R]):
    """Rows with a switch: actions turn several on or off."""

    actions = ("switch_on", "switch_off")

    @admin.action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, rows: QuerySet[R]) -> None:
        """Applies the tips from the next image on, or the prices from the next call on."""
        self._switch(request, rows, enabled=True)

    @admin.action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, rows: QuerySet[R]) -> None:
        """Ignores the tips from the next image on; for prices, makes costs unknown from the next call on."""
        self._switch(request, rows, enabled=False)

    def _switch(self, request: HttpRequest, rows: QuerySet[R], *, enabled: bool) -> None:
        count = switch(rows, enabled=enabled)
        noun = model_ngettext(self.opts, count)
        self.message_user(request, f"{count} {noun} switched {'on' if enabled else 'off'}.", messages.SUCCESS)


@admin.register(Tip)
class TipAdmin(SwitchableAdmin[Tip]):
    """Tips: switch and position are edited in the list, wording on the tip's page."""

    form = TipForm
    list_display = ("key", "enabled", "addition", "kinds", "keywords", "position")
    list_editable = ("position", "enabled")
    list_filter = ("enabled", "provider")
    list_per_page = 100
    search_fields = ("key", "value__addition", "value__guidance")
    search_help_text = "Key, addition or guidance"
    ordering = ("provider", "position", "key")
    fieldsets = (
        (None, {"fields": ("key", "provider", "enabled", "position")}),
        ("Wording", {"fields": ("addition", "guidance")}),
        ("Applies to", {"fields": ("kinds", "keywords")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Tip | None = None) -> tuple[str, ...]:
        """The key identifies the tip and cannot be changed."""
        return ("key", "updated_at") if obj else ()

    def get_urls(self) -> list[URLPattern]:
        """Adds the preview page."""
        own = path(
            "preview/", self.admin_site.admin_view(self.preview_view), name="knowledgebase_tip_preview"
        )
        return [own, *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> TemplateResponse:
        """Shows a sample prompt as each provider would get it; a GET request, so that its URL can be shared."""
        kinds = vocabulary.kinds()
        given = {"prompt": SAMPLE_PROMPT, "kind": next(iter(kinds), ""), **request.GET.dict()}
        form = SampleForm(given)
        previews = _previews(**form.cleaned_data) if form.is_valid() else []
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "A prompt as each provider would get it",
            "form": form,
            "previews": previews,
        }
        return TemplateResponse(request, "admin/knowledgebase/tip/preview.html", context)

    addition = column(Tip, "adds", lambda tip: Truncator(tip_text(tip).addition).chars(90) or EMPTY)
    kinds = column(Tip, "kinds", lambda tip: words(tip_text(tip).kinds or ["all"]))

    @admin.display(description="keywords")
    def keywords(self, tip: Tip) -> SafeString | str:
        """The first keywords."""
        keywords = tip_text(tip).keywords
        more = [f"+{len(keywords) - 4}"] if len(keywords) > 4 else []
        return words([*keywords[:4], *more] or ["any prompt"])


def _previews(prompt: str, kind: str) -> list[Preview]:
    """A preview for each provider that exists or has tips, by name."""
    tips: dict[str, Any] = tips_by_provider()
    names = sorted({*vocabulary.providers(), *tips})
    none = TipSet([], [])
    return [preview(name, prompt, kind, tips.get(name, none).on, tips.get(name, none).off) for name in names]


@admin.register(Price)
class PriceAdmin(SwitchableAdmin[Price]):
    """Prices of services, which apply from the next call on; recorded charges stay as they are."""

    form = PriceForm
    list_display = ("model", "service", "of", "amount", "valid_from", "enabled", "read_on", "where")
    list_display_links = ("model",)
    list_filter = ("service", "enabled", "read_on")
    list_per_page = 200
    search_fields = ("model", "service__exact", "unit", "source")
    search_help_text = "Model, unit or source"
    ordering = ("service", "model", "unit", "valid_from")
    save_as = True
    fieldsets = (
        (None, {"fields": ("service", "model", "unit", "usd", "per")}),
        ("When", {"fields": ("valid_from", "enabled")}),
        ("Source", {"fields": ("source", "read_on", "updated_at")}),
    )
    readonly_fields = ("updated_at",)

    of = column(Price, "unit", lambda price: price.unit.replace("_", " "), "unit")
    where = column(Price, "source", lambda price: Truncator(price.source).chars(70))

    @admin.display(description="US dollars", ordering="usd")
    def amount(self, price: Price) -> str:
        """The price and the number of units it is for."""
        return f"{price.usd.normalize():f} {'for a million' if price.per == 1_000_000 else 'each'}"
