"""The content security policy of every page: the one in the settings, and images from where they are delivered."""

from typing import Any

from csp.middleware import CSPMiddleware, PolicyParts

from progressions.delivery import image_origins


class ContentPolicyMiddleware(CSPMiddleware):
    """Lets pages show delivery images of another origin, whichever plug-in placed them."""

    def get_policy_parts(self, request: Any, response: Any, report_only: bool = False) -> PolicyParts:  # noqa: FBT001, FBT002 - django-csp's signature
        """Called for every response; a view's own `img-src` is kept."""
        parts = super().get_policy_parts(request, response, report_only)
        if origins := image_origins():
            update = dict(parts.update or {})
            given = update.get("img-src") or []
            update["img-src"] = [*([given] if isinstance(given, str) else given), *origins]
            parts.update = update
        return parts
