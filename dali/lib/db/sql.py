"""Inserts and updates of a few known columns, for what is written many times a second.

The ORM builds each statement anew (0.3 to 0.5 ms of CPU); these build it once and let the fields prepare the values, so
that both databases get what the ORM would give them. No signals, no `save`: for rows of the machine alone.
"""
# ruff: noqa: S608 - names of tables and columns are the models' own, conditions are constants; values are parameters

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from django.db import connection, models


def insert_rows(
    model: type[models.Model],
    names: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
    *,
    keeps_known: bool = False,
) -> None:
    """Inserts rows, each the values of the fields `names` in their order; other columns must have defaults.

    `keeps_known`: a row whose key is there stays as it is.
    """
    statement, fields = _insert(model, names)
    if keeps_known:
        statement += " ON CONFLICT DO NOTHING"
    prepared = [
        [field.get_db_prep_save(value, connection) for field, value in zip(fields, row, strict=True)]
        for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, prepared)


def insert(row: models.Model) -> None:
    """Inserts a new object, all its fields, as `save(force_insert=True)` would; its key must be set. No signals."""
    fields = row._meta.concrete_fields
    names = tuple(field.name for field in fields)
    insert_rows(type(row), names, [tuple(field.pre_save(row, True) for field in fields)])
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - as Django's own save ends


def update_where(
    model: type[models.Model], values: Mapping[str, object], keys: Mapping[str, object], condition: str = ""
) -> int:
    """Writes `values` to the rows whose fields equal `keys` (both by field name); returns how many there were.

    `condition`: SQL of this project's own that must hold besides, without parameters.
    """
    statement, changed, compared = _update(model, tuple(values), tuple(keys), condition)
    prepared = [
        field.get_db_prep_save(value, connection)
        for field, value in zip([*changed, *compared], [*values.values(), *keys.values()], strict=True)
    ]
    with connection.cursor() as cursor:
        cursor.execute(statement, prepared)
        return int(cursor.rowcount)


@cache
def _insert(model: type[models.Model], names: tuple[str, ...]) -> tuple[str, list[Any]]:
    fields = _fields(model, names)
    columns = ", ".join(f'"{field.column}"' for field in fields)
    marks = ", ".join(["%s"] * len(fields))
    return f'INSERT INTO "{model._meta.db_table}" ({columns}) VALUES ({marks})', fields


@cache
def _update(
    model: type[models.Model], names: tuple[str, ...], keys: tuple[str, ...], condition: str
) -> tuple[str, list[Any], list[Any]]:
    changed, compared = _fields(model, names), _fields(model, keys)
    changes = ", ".join(f'"{field.column}" = %s' for field in changed)
    where = " AND ".join(
        [*(f'"{field.column}" = %s' for field in compared), *([condition] if condition else [])]
    )
    return f'UPDATE "{model._meta.db_table}" SET {changes} WHERE {where}', changed, compared


def _fields(model: type[models.Model], names: tuple[str, ...]) -> list[Any]:
    return [model._meta.get_field(name) for name in names]
