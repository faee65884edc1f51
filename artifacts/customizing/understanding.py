"""What a message is taken for: by the rules, and where they are not certain by the text model."""

from collections.abc import Sequence
from dataclasses import dataclass

from artifacts.customizing.pictures import ProjectName
from artifacts.customizing.wish import Situation, Wish
from artifacts.customizing.wishes import understand

RULES = "rules"


@dataclass(frozen=True, slots=True)
class Understanding:
    """Reads messages for one turn."""

    def of(
        self, message: str, situation: Situation, projects: Sequence[ProjectName]
    ) -> tuple[list[Wish], str]:
        """The wishes, and who read them out of the message; none where nobody is certain."""
        return understand(message, situation) or [], RULES
