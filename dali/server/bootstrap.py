"""The first start of the embedded server: schema, tips, templates, a first API key and the admin's first login."""

import io
import secrets
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.migrations.executor import MigrationExecutor

ADMIN = "admin"
PASSWORD_BYTES = 12


@dataclass(frozen=True, slots=True)
class FirstSecrets:
    """The secrets that this start created, empty if none. Show them once: only their hashes are stored."""

    api_key: str = ""
    admin_password: str = ""


def missing_migrations() -> int:
    """The number of migrations that are not applied."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))


def prepare() -> FirstSecrets:
    """Brings the database up to date and creates the secrets of a first start. Idempotent.

    The caller must show what it returns.
    """
    bring_up_to_date()
    made = FirstSecrets(api_key=_first_api_key(), admin_password=_first_admin_password())
    connections.close_all()
    return made


def bring_up_to_date() -> None:
    """Migrates, and seeds empty tables."""
    from artifacts.filling.templates import seed_templates
    from artifacts.models import Template
    from knowledgebase.models import Tip

    if missing_migrations():
        call_command("migrate", verbosity=0, interactive=False)
    if not Tip.objects.exists():
        call_command("seed", verbosity=0, stdout=io.StringIO())
    if not Template.objects.exists():
        seed_templates(fixtures=Path(settings.FIXTURE_DIRS[0]))
    connections.close_all()


def _first_api_key() -> str:
    from projects.models import ApiKey

    if settings.API_KEY or ApiKey.objects.exists():
        return ""
    _, key = ApiKey.objects.create_key(name="first start")
    return key


def _first_admin_password() -> str:
    users = get_user_model()
    if users.objects.exists():
        return ""
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    users.objects.create_superuser(username=ADMIN, password=password)
    return password
