"""What a step belongs to, as the admin shows it. Apps above this one register their own kinds."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StepOwner:
    """A kind of row that has steps.

    `noun`: what the admin calls it. `change_page`: the URL name of its admin page, which takes its id. `has_step`:
    whether a step of this name is one of its steps.
    """

    noun: str
    change_page: str
    has_step: Callable[[str], bool]


_owners = [
    StepOwner("job", "admin:progressions_job_change", lambda name: name == "ingest"),
    StepOwner("variant", "admin:progressions_variant_change", lambda name: "#" not in name),
]


def register(owner: StepOwner) -> None:
    """Adds a kind of owner; called when the apps are loaded."""
    _owners.append(owner)


def owner_of_step(name: str) -> StepOwner | None:
    """The kind of owner that has steps of this name; None if its app is gone."""
    return next((owner for owner in _owners if owner.has_step(name)), None)
