"""Archive manifest: every stored object of these projects with its size and digest, for later checks."""

from dataclasses import dataclass
from typing import Literal

from artifacts.generator import EmptyMaterialError, File, Generator, Report, in_silence
from artifacts.material import Material, StoredObject
from artifacts.options import option
from artifacts.parts.records import ARCHIVE, ARCHIVE_COLUMNS, heading, json_file
from artifacts.parts.sheet import csv_file


@dataclass(frozen=True, slots=True)
class ArchiveOptions:
    """The format of the manifest."""

    format: Literal["csv", "json"] = option(
        "csv", "csv: a table for a spreadsheet; json: a record for a program."
    )


class ArchiveManifest(Generator):
    """See the module."""

    name = "r2ArchiveManifest"
    title = "Archive manifest"
    description = (
        "Every stored object with key, size, SHA-256 and the row it belongs to; missing objects are marked."
    )
    output = "csv"
    options = ArchiveOptions
    needs = frozenset({"jobs"})
    is_long = True  # reads every object to compute its digest

    def check(self, material: Material, options: ArchiveOptions) -> None:
        """Checks that there is work that could have stored objects."""
        if not material.images and not material.jobs:
            raise EmptyMaterialError("there are no images yet, so nothing is stored: run a job first")

    def generate(
        self, material: Material, options: ArchiveOptions, report: Report = in_silence
    ) -> list[File]:
        """One table or one record."""
        self.check(material, options)
        objects = material.objects()
        if not objects:
            raise EmptyMaterialError("nothing is stored yet: wait until the job has ended")
        if options.format == "json":
            record = {
                **heading(*ARCHIVE, material),
                "objects": [dict(zip(ARCHIVE_COLUMNS, _line(one), strict=True)) for one in objects],
                "count": len(objects),
                "bytes": sum(one.size_bytes or 0 for one in objects),
                "missing": sum(one.is_missing for one in objects),
            }
            return [json_file("archive.json", record)]
        return [csv_file("archive.csv", ARCHIVE_COLUMNS, [_line(one) for one in objects])]


def _line(one: StoredObject) -> tuple[str | int | None, ...]:
    return (one.storage, one.key, one.size_bytes, one.sha256, one.media_type or None, one.row, _state(one))


def _state(one: StoredObject) -> str:
    if one.is_missing:
        return "missing"
    return "not read" if one.sha256 is None else "stored"
