"""Idempotency keys: a request that comes again with its key is answered, and done no second time."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from dali.lib.errors import DaliError, IdempotencyError, MissingError
from progressions.models import IdempotencyKey

KEPT = timedelta(days=7)
# 1 to 255 printable characters. Servers take the spaces around a header's value away.
KEY_PATTERN = "^[!-~](?:[ -~]{0,253}[!-~])?$"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """What a request made before: the id of the job, image or artifact, and the HTTP status of its answer."""

    made_id: UUID
    status: int


@dataclass(frozen=True, slots=True)
class Once:
    """The key of a request. `scope` is its route with the ids of the path, `owner` empty where all owners share it."""

    scope: str
    owner: str
    key: str
    digest: str

    def find(self) -> KeptRequest | None:
        """What a request with this key made, None where none did within the days that keys are kept.

        Raises IdempotencyError where that request had another body.
        """
        row = self._rows().filter(created_at__gte=timezone.now() - KEPT).first()
        if row is None:
            return None
        if row.digest != self.digest:
            raise IdempotencyError(
                f"Idempotency-Key '{self.key[:60]}' came before with another body: send the same body, or another key"
            )
        return KeptRequest(row.made_id, row.status)

    def keep(self, made_id: UUID, status: int) -> None:
        """Notes what was made, in the transaction that makes it; IntegrityError where another request was faster."""
        self._rows().filter(created_at__lt=timezone.now() - KEPT).delete()
        IdempotencyKey.objects.create(
            scope=self.scope,
            owner=self.owner,
            key=self.key,
            digest=self.digest,
            made_id=made_id,
            status=status,
        )

    def forget(self) -> None:
        """Lets the key go: what it made is gone."""
        self._rows().delete()

    def _rows(self) -> Any:
        return IdempotencyKey.objects.filter(scope=self.scope, owner=self.owner, key=self.key)


def do_once(once: Once | None, make: Callable[[], T], again: Callable[[KeptRequest], T]) -> T:
    """What `make` returns, which must `keep` the key; what `again` returns where the key was known.

    Of two at once both may `make`: the one that comes second fails at `keep`, or for what the first one used up, and
    then finds what that one made. `again` raises MissingError where it is gone: then it is made anew.
    """
    if once is None:
        return make()
    if (kept := once.find()) is not None:
        try:
            return again(kept)
        except MissingError:
            once.forget()
    try:
        return make()
    except (IntegrityError, DaliError):
        kept = once.find()
        if kept is None:
            raise
        try:
            return again(kept)
        except MissingError:  # it was this request that made it, and took it back when the rest failed
            once.forget()
        raise


def digest_of(body: Any) -> str:
    """The hash of a parsed body: spaces and the order of names do not count."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def forget_old_keys() -> None:
    """Removes the keys that are older than they are kept."""
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
