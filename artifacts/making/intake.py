"""Creates and rebuilds artifacts: checks the whole request, then builds here, or in a worker if it takes long."""

import secrets
from collections.abc import Mapping, Sequence
from uuid import UUID

from django.db import transaction
from django.db.models import F

from artifacts.filling.placeholders import read
from artifacts.filling.templates import open_template
from artifacts.generator import EmptyMaterialError, Generator, generators
from artifacts.making import building, content, services
from artifacts.making.gathering import gather
from artifacts.models import Artifact
from artifacts.options import parse
from dali.lib.db import connections
from dali.lib.errors import ConflictError, InputError
from dali.lib.objects.storage import InvalidKeyError, named
from dali.lib.registry import UnknownPluginError
from progressions.work import leases
from progressions.work.idempotency import Once

MADE, QUEUED = 201, 202  # the HTTP status of the answer
SLUG_BYTES = 16  # 128 bits: cannot be guessed


def create_artifact(
    *,
    generator: str,
    project_ids: Sequence[UUID],
    title: str = "",
    options: Mapping[str, object] | None = None,
    session_id: str = "",
    owner: str = "",
    once: Once | None = None,
) -> Artifact:
    """Creates and builds an artifact; a long build stays `building` for a worker. `once` is stored with it.

    Raises InputError with field, value and cure, also if there is nothing to show (then nothing is stored), and
    IntegrityError if `once` was stored in the meantime.
    """
    plugin = find_generator(generator)
    parsed = parse(plugin.options, options or {})
    projects = services.projects_of(project_ids)
    is_long = _takes_long(plugin, parsed, [project.pk for project in projects])
    artifact = Artifact(
        owner_id=owner,
        title=title or projects[0].name,
        generator=plugin.name,
        output=plugin.output_for(parsed),
        options=dict(options or {}),
        session_id=session_id,
        status=Artifact.Status.BUILDING,
        public_slug=secrets.token_urlsafe(SLUG_BYTES),
        **({} if is_long else leases.new_lease()),
    )
    with transaction.atomic():
        artifact.save(force_insert=True)
        services.give_to(artifact, [project.pk for project in projects])
        if once is not None:
            once.keep(artifact.id, QUEUED if is_long else MADE)
        if is_long:
            services.tell(artifact, "running")
            transaction.on_commit(lambda: services.nudge_build(artifact.id), robust=True)
    if not is_long:
        lease = leases.hold(leases.Lease(Artifact, artifact.id, artifact.lease_token), services.LONGEST_S)
        try:
            services.finish(artifact, _built(artifact))
        except BaseException:  # noqa: BLE001 - keeps no trace of an artifact that was not made
            artifact.delete()
            raise
        finally:
            leases.forget(lease)
    return artifact


def draft_of_template(
    *,
    template_key: str,
    project_ids: Sequence[UUID],
    title: str,
    session_id: str = "",
    owner: str = "",
    once: Once | None = None,
) -> Artifact:
    """A draft that fills a stored template; it has no content yet. `once`: see `create_artifact`."""
    projects = services.projects_of(project_ids)
    try:
        is_there = named("templates").exists(template_key)
    except InvalidKeyError:
        is_there = False
    if not is_there:
        raise InputError(
            "templateR2Key", f"'{template_key[:80]}' is not a stored template; GET /api/templates lists them"
        )
    with transaction.atomic():
        artifact = Artifact.objects.create(
            owner_id=owner,
            title=title,
            output="html",
            template_r2_key=template_key,
            session_id=session_id,
            public_slug=secrets.token_urlsafe(SLUG_BYTES),
        )
        services.give_to(artifact, [project.pk for project in projects])
        if once is not None:
            once.keep(artifact.id, MADE)
    return artifact


def rebuild_artifact(*, artifact: Artifact) -> Artifact:
    """Rebuilds the content from the projects' current images, or from the template's values.

    The old content is served until the new content is ready. Raises ConflictError if the template is not completely
    filled, InputError if there is nothing to show.
    """
    if artifact.template_r2_key:
        _check_filled(artifact)
        services.finish(artifact, content.fill(artifact))
        return artifact
    plugin = _generator_of(artifact)
    options = parse(plugin.options, artifact.options)
    if _takes_long(plugin, options, list(artifact.projects.values_list("id", flat=True))):
        with transaction.atomic():
            Artifact.objects.filter(id=artifact.id).update(
                status=Artifact.Status.BUILDING,
                error="",
                not_before=None,
                lease_until=None,
                lease_token=F("lease_token") + 1,
                updated_at=connections.now(),
            )
            artifact.refresh_from_db()
            services.tell(artifact, "running")
            transaction.on_commit(lambda: services.nudge_build(artifact.id), robust=True)
        return artifact
    services.finish(artifact, _built(artifact))
    return artifact


def find_generator(name: str) -> Generator:
    """The generator with that name. Raises InputError, which lists the known ones."""
    try:
        return generators.get(name)
    except UnknownPluginError as error:
        raise InputError("generator", str(error)) from error


def _generator_of(artifact: Artifact) -> Generator:
    if artifact.generator not in generators.names():
        raise ConflictError(f"the generator '{artifact.generator}' of this artifact is no longer installed")
    return generators.get(artifact.generator)


def _check_filled(artifact: Artifact) -> None:
    """Refuses to rebuild a page that is not completely filled: it would replace the published page."""
    chosen = set(artifact.configurations.values_list("config_key", flat=True))
    page = read(open_template(artifact))
    missing = [slot.name for slot in page.placeholders if slot.name not in chosen]
    if missing:
        names = ", ".join(missing[:10])
        raise ConflictError(
            f"{len(missing)} placeholders are not filled yet ({names}): continue with POST .../customize"
        )


def _built(artifact: Artifact) -> building.Built:
    try:
        return building.build(artifact)
    except EmptyMaterialError as error:
        raise InputError("projectIds", str(error)) from error


def _takes_long(plugin: Generator, options: object, project_ids: Sequence[UUID]) -> bool:
    """Whether a worker builds it; if so, refuses now what the worker could only fail on later."""
    if not plugin.is_long and plugin.most_at_once is None:
        return False
    material = gather(title="", project_ids=project_ids, needs=plugin.needs)
    try:
        is_long = plugin.takes_long(material, options)
        if is_long:
            plugin.check(material, options)
    except EmptyMaterialError as error:
        raise InputError("projectIds", str(error)) from error
    return is_long
