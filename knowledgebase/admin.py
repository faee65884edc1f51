"""The admin of the knowledge base: tips edited and switched in the list, the preview of a prompt, the prices."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from dali.lib.web.admin import EMPTY, LeanAdmin, words
from knowledgebase import vocabulary
from knowledgebase.forms import SAMPLE_PROMPT, PriceForm, SampleForm, TipForm
from knowledgebase.models import Price, Tip
from knowledgebase.preview import Preview, preview
from knowledgebase.queries import TipSet, tip_text, tips_by_provider
from knowledgebase.services import switch_prices, switch_tips


@admin.register(Tip)
class TipAdmin(LeanAdmin[Tip]):
    """Tips: the switch and the position are edited in the list, the words on the tip's page."""

    form = TipForm
    list_display = ("key", "enabled", "addition", "kinds", "keywords", "position")
    list_editable = ("position", "enabled")
    list_filter = ("enabled", "provider")
    list_per_page = 100
    search_fields = ("key", "value__addition", "value__guidance")
    search_help_text = "Key, addition or guidance"
    ordering = ("provider", "position", "key")
    actions = ("switch_on", "switch_off")
    fieldsets = (
        (None, {"fields": ("key", "provider", "enabled", "position")}),
        ("What it says", {"fields": ("addition", "guidance")}),
        ("When it applies", {"fields": ("kinds", "keywords")}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Tip | None = None) -> tuple[str, ...]:
        """The key is the row's identity: another key would be another tip."""
        return ("key", "updated_at") if obj else ()

    def get_urls(self) -> list[URLPattern]:
        """Adds the preview."""
        own = path(
            "preview/", self.admin_site.admin_view(self.preview_view), name="knowledgebase_tip_preview"
        )
        return [own, *super().get_urls()]

    def preview_view(self, request: HttpRequest) -> TemplateResponse:
        """A sample prompt as each provider would get it; asked by GET, so that it can be sent around."""
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

    @admin.display(description="adds")
    def addition(self, tip: Tip) -> str:
        """The words added, cut for the list."""
        return Truncator(tip_text(tip).addition).chars(90) or EMPTY

    @admin.display(description="kinds")
    def kinds(self, tip: Tip) -> SafeString | str:
        """The kinds it fits."""
        return words(tip_text(tip).kinds or ["all"])

    @admin.display(description="called for by")
    def keywords(self, tip: Tip) -> SafeString | str:
        """The first keywords."""
        keywords = tip_text(tip).keywords
        more = [f"+{len(keywords) - 4}"] if len(keywords) > 4 else []
        return words([*keywords[:4], *more] or ["any prompt"])

    @admin.action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, tips: QuerySet[Tip]) -> None:
        """Applies the tips again from the next image on."""
        self._switch(request, tips, enabled=True)

    @admin.action(description="Switch off", permissions=["change"])
    def switch_off(self, request: HttpRequest, tips: QuerySet[Tip]) -> None:
        """Leaves the tips out from the next image on."""
        self._switch(request, tips, enabled=False)

    def _switch(self, request: HttpRequest, tips: QuerySet[Tip], *, enabled: bool) -> None:
        count = switch_tips(keys=tips.values_list("key", flat=True), enabled=enabled)
        noun = "tip" if count == 1 else "tips"
        self.message_user(request, f"{count} {noun} switched {'on' if enabled else 'off'}.", messages.SUCCESS)


def _previews(prompt: str, kind: str) -> list[Preview]:
    """One for each provider that is known or has tips, by name."""
    tips: dict[str, Any] = tips_by_provider()
    names = sorted({*vocabulary.providers(), *tips})
    none = TipSet([], [])
    return [preview(name, prompt, kind, tips.get(name, none).on, tips.get(name, none).off) for name in names]


@admin.register(Price)
class PriceAdmin(LeanAdmin[Price]):
    """Prices of services: what a call is taken to cost from the next one on; what was charged stays as it is."""

    form = PriceForm
    list_display = ("model", "service", "of", "amount", "valid_from", "enabled", "read_on", "where")
    list_display_links = ("model",)
    list_filter = ("service", "enabled", "read_on")
    list_per_page = 200
    search_fields = ("model", "service__exact", "unit", "source")
    search_help_text = "Words of model, unit or source"
    ordering = ("service", "model", "unit", "valid_from")
    actions = ("switch_on", "switch_off")
    save_as = True
    fieldsets = (
        (None, {"fields": ("service", "model", "unit", "usd", "per")}),
        ("When", {"fields": ("valid_from", "enabled")}),
        ("How sure", {"fields": ("source", "read_on", "updated_at")}),
    )
    readonly_fields = ("updated_at",)

    @admin.display(description="unit", ordering="unit")
    def of(self, price: Price) -> str:
        """What is charged for, in words."""
        return price.unit.replace("_", " ")

    @admin.display(description="US dollars", ordering="usd")
    def amount(self, price: Price) -> str:
        """The price with what it is for."""
        return f"{price.usd.normalize():f} {'for a million' if price.per == 1_000_000 else 'each'}"

    @admin.display(description="source")
    def where(self, price: Price) -> str:
        """The source, cut for the list."""
        return Truncator(price.source).chars(70)

    @admin.action(description="Switch on", permissions=["change"])
    def switch_on(self, request: HttpRequest, prices: QuerySet[Price]) -> None:
        """Lets the prices count from the next call on."""
        self._switch(request, prices, enabled=True)

    @admin.action(description="Switch off: not known", permissions=["change"])
    def switch_off(self, request: HttpRequest, prices: QuerySet[Price]) -> None:
        """Makes the cost of what they are for unknown from the next call on."""
        self._switch(request, prices, enabled=False)

    def _switch(self, request: HttpRequest, prices: QuerySet[Price], *, enabled: bool) -> None:
        count = switch_prices(ids=prices.values_list("pk", flat=True), enabled=enabled)
        noun = "price" if count == 1 else "prices"
        self.message_user(request, f"{count} {noun} switched {'on' if enabled else 'off'}.", messages.SUCCESS)
