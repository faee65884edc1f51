"""Password hashing that cannot take the machine: a few at once, and none with a database connection in hand."""

import threading
from os import cpu_count
from typing import Any

from django.contrib.auth.hashers import PBKDF2PasswordHasher

from dali.lib.database import release_connection

# One hash takes 0.2 to 0.5 s of one core (PBKDF2, 1,000,000 rounds). Half of the cores stay free for answers.
_TURNS = threading.BoundedSemaphore(max(1, (cpu_count() or 1) // 2))


class BoundedPBKDF2PasswordHasher(PBKDF2PasswordHasher):
    """Django's PBKDF2 hasher, by the same name in stored hashes; at most half as many at once as there are cores."""

    def encode(self, password: str, salt: str, iterations: int | None = None) -> Any:
        """The stored form of a password; waits for a turn. Verifying calls this too."""
        release_connection()
        with _TURNS:
            return super().encode(password, salt, iterations)
