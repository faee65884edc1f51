"""Ids in paths: `<id:...>` accepts either case. dali.apps registers it."""

from django.urls.converters import UUIDConverter


class IdConverter(UUIDConverter):
    """An id; answers give it in lower case."""

    regex = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
