"""The admin of the artifacts app: artifacts, templates, chats, answers, views."""

from artifacts.admin import answers, artifacts, chats, records, templates

__all__ = ["answers", "artifacts", "chats", "records", "templates"]
