"""Models of the artifacts app."""

from artifacts.models.artifacts import Artifact, ArtifactConfiguration, ArtifactView, ProjectArtifact
from artifacts.models.boards import Comment, Vote
from artifacts.models.chats import Chat, ChatTurn
from artifacts.models.templates import Template

__all__ = [
    "Artifact",
    "ArtifactConfiguration",
    "ArtifactView",
    "Chat",
    "ChatTurn",
    "Comment",
    "ProjectArtifact",
    "Template",
    "Vote",
]
