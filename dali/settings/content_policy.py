"""Adds the origins of delivery images to the content security policy."""

from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts

from progressions.delivery import image_origins


class ContentPolicyMiddleware(CSPMiddleware):
    """Allows pages to show images from the origins of all configured deliveries."""

    def get_policy_parts(self, request: Any, response: Any, report_only: bool = False) -> PolicyParts:  # noqa: FBT001, FBT002 - django-csp's signature
        """Extends `img-src` for every response; a view's own `img-src` is kept."""
        parts = super().get_policy_parts(request, response, report_only)
        if origins := image_origins():
            update = dict(parts.update or {})
            given = update.get("img-src") or []
            update["img-src"] = [*([given] if isinstance(given, str) else given), *origins]
            parts.update = update
        return parts
