"""Idempotency keys: a request that is sent again with its key gets its answer, but is not done again."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID

from django.db import IntegrityError
from django.utils import timezone

from dali.lib.errors import DaliError, IdempotencyError, MissingError
from progressions.models import IdempotencyKey

KEPT = timedelta(days=7)
# 1 to 255 printable characters. Servers strip the spaces around a header's value.
KEY_PATTERN = "^[!-~](?:[ -~]{0,253}[!-~])?$"

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """What a request made before: the id of the job, image or artifact, and the HTTP status of its answer."""

    made_id: UUID
    status: int


@dataclass(frozen=True, slots=True)
class Once:
    """The key of a request. `scope` is its route with the ids of the path, `owner` empty if all owners share it."""

    scope: str
    owner: str
    key: str
    digest: str

    def find(self) -> KeptRequest | None:
        """What an earlier request with this key made; None if there was none while keys are kept.

        Raises IdempotencyError if that request had another body.
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
        """Records what was made, in the same transaction. Raises IntegrityError if another request was faster."""
        self._rows().filter(created_at__lt=timezone.now() - KEPT).delete()
        IdempotencyKey.objects.create(**asdict(self), made_id=made_id, status=status)

    def forget(self) -> None:
        """Deletes the key, since what it made is gone."""
        self._rows().delete()

    def _rows(self) -> Any:
        return IdempotencyKey.objects.filter(scope=self.scope, owner=self.owner, key=self.key)


def do_once(once: Once | None, make: Callable[[], T], again: Callable[[KeptRequest], T]) -> T:
    """What `make` returns, which must `keep` the key; if the key is known, what `again` returns.

    Two simultaneous requests may both call `make`: the second fails at `keep`, or because the first used something up,
    and then finds what the first made. `again` raises MissingError if that is gone: then it is made again.
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
        except MissingError:  # this request made it, and removed it when the rest failed
            once.forget()
        raise


def digest_of(body: Any) -> str:
    """The hash of a parsed body, independent of spaces and the order of names."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def forget_old_keys() -> None:
    """Deletes expired keys."""
    IdempotencyKey.objects.filter(created_at__lt=timezone.now() - KEPT).delete()
