"""The admin of the artifacts app: what was made, who looked, and the rows around both."""

from artifacts.admin import answers, artifacts, chats, records, templates

__all__ = ["answers", "artifacts", "chats", "records", "templates"]
