"""Registers the knowledgebase app."""

from django.apps import AppConfig


class KnowledgebaseConfig(AppConfig):
    """Django's view of the app."""

    name = "knowledgebase"
    verbose_name = "Knowledge base"
