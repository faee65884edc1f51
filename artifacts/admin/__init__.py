"""The admin of the artifacts app: what was made, who looked, and the rows around both."""

from artifacts.admin import artifacts, chats, records, templates

__all__ = ["artifacts", "chats", "records", "templates"]
