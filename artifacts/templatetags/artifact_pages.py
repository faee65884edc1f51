"""Template tags of artifacts' pages: inline assets, money, times, shapes."""

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.utils.safestring import SafeString, mark_safe

from artifacts.material import ImageFacts

register = template.Library()

_FOLDER = Path(settings.BASE_DIR) / "templates" / "artifacts" / "assets"
# Ratios are rounded to this step, so that a page needs few rules for many pictures.
_RATIO_STEP = 0.05


@register.simple_tag
@cache
def asset(name: str) -> SafeString:
    """The unescaped content of a file in templates/artifacts/assets: our own style or script, never user input."""
    path = _FOLDER / "".join(name)  # a plain str: a SafeString cannot be part of a path
    return mark_safe(path.read_text(encoding="utf-8"))  # noqa: S308 - a file of the project


@register.filter
def usd(amount: Decimal | float | None) -> str:
    """`$0.04`, `$1.20`; empty if unknown."""
    if amount is None:
        return ""
    exact = Decimal(str(amount))
    return f"${exact:.2f}" if exact == 0 or exact >= Decimal("0.1") else f"${exact:.4f}".rstrip("0")


@register.filter
def day(epoch_ms: int) -> str:
    """`22 November 2026`, UTC."""
    moment = datetime.fromtimestamp(epoch_ms / 1000, tz=UTC)
    return f"{moment.day} {moment:%B %Y}"


@register.filter
def seconds(ms: int | None) -> str:
    """`4.2 s`; empty if unknown."""
    return "" if ms is None else f"{ms / 1000:.1f} s"


@register.filter
def ground(image: ImageFacts) -> SafeString:
    """The attribute of a transparent picture's `<img>` that sets its background in page.css; otherwise empty."""
    return mark_safe("" if image.ground is None else f' data-ground="{int(image.ground)}"')  # noqa: S308 - a number


@register.filter
def shape(image: ImageFacts) -> str:
    """The CSS class of the picture's shape, such as `r130` for 1.3 to 1; `shape_rules` writes its rule."""
    return f"r{round(_ratio(image) * 100)}"


@register.simple_tag
def shape_rules(images: Iterable[ImageFacts]) -> SafeString:
    """A CSS rule for each shape: `--ratio`, width / height."""
    ratios = sorted({_ratio(image) for image in images})
    rules = "".join(f".r{round(ratio * 100)}{{--ratio:{ratio:g}}}" for ratio in ratios)
    return mark_safe(rules)  # noqa: S308 - made of numbers


def _ratio(image: ImageFacts) -> float:
    ratio = image.width / image.height
    return min(4.0, max(0.25, round(ratio / _RATIO_STEP) * _RATIO_STEP))
