"""`manage.py import_tips`: differences shown, curators' changes kept, invalid files refused."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import structlog
from django.core.management import CommandError, call_command

from artifacts.generator import generators
from artifacts.making.gathering import gather
from knowledgebase.models import Tip
from projects.models import Project

pytestmark = pytest.mark.django_db

SAID = {
    "guidance": "Say what the light is like.",
    "addition": "soft light",
    "kinds": ["edit"],
    "keywords": ["sea"],
}
TIP: dict[str, Any] = {"key": "mock.fog", "provider": "mock", "enabled": True, "position": 50, "value": SAID}


def pack(*tips: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """A knowledge pack."""
    return {"format": "dali.tips", "version": 1, "tips": list(tips), **fields}


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., list[str]]:
    """A function that imports a pack and returns the output."""

    def run(record: object, *options: str) -> list[str]:
        path = tmp_path / "pack.json"
        path.write_text(record if isinstance(record, str) else json.dumps(record), encoding="utf-8")
        out = io.StringIO()
        call_command("import_tips", path, *options, stdout=out)
        return out.getvalue().splitlines()

    return run


def seed() -> None:
    """The tips of the fixture."""
    call_command("seed", stdout=io.StringIO())


def seeded(key: str, **changes: Any) -> dict[str, Any]:
    """A tip of the fixture as a pack has it, with changes."""
    row = Tip.objects.get(key=key)
    return {
        "key": key,
        "provider": row.provider,
        "enabled": row.enabled,
        "position": row.position,
        "value": row.value,
        **changes,
    }


def test_a_new_tip_is_added_and_a_second_import_changes_nothing(take: Callable[..., list[str]]) -> None:
    assert take(pack(TIP)) == [
        "new  mock.fog",
        "Tips: 1 new, 0 changed, 0 the same, 0 kept as a curator changed them, 0 only here.",
    ]
    row = Tip.objects.get()
    assert (row.key, row.provider, row.enabled, row.position, row.value) == (
        "mock.fog",
        "mock",
        True,
        50,
        SAID,
    )
    assert take(pack(TIP)) == [
        "Tips: 0 new, 0 changed, 1 the same, 0 kept as a curator changed them, 0 only here."
    ]


def test_a_dry_run_shows_the_same_and_writes_nothing(take: Callable[..., list[str]]) -> None:
    said = take(pack(TIP), "--dry-run")
    assert said[0] == "new  mock.fog"
    assert said[-1] == "Nothing was written."
    assert not Tip.objects.exists()


def test_a_tip_as_seed_wrote_it_is_updated_part_by_part(take: Callable[..., list[str]]) -> None:
    seed()
    value = {**Tip.objects.get(key="openai.medium").value, "addition": "with brush marks"}
    before = Tip.objects.get(key="openai.medium").value["addition"]
    said = take(pack(seeded("openai.medium", value=value, position=21)))
    assert said == [
        "changed  openai.medium",
        f'    addition: "{before}"',
        '              "with brush marks"',
        "    position: 20",
        "              21",
        "Tips: 0 new, 1 changed, 0 the same, 0 kept as a curator changed them, 18 only here.",
    ]
    assert Tip.objects.get(key="openai.medium").value == value


@pytest.mark.parametrize(
    "change", [{"enabled": False}, {"position": 999}, {"value": {**SAID, "addition": "my own words"}}]
)
def test_a_curators_change_stays_unless_forced(
    take: Callable[..., list[str]], change: dict[str, Any]
) -> None:
    seed()
    record = pack(seeded("openai.medium", value=SAID))
    Tip.objects.filter(key="openai.medium").update(**change)
    said = take(record)
    assert said[0] == "kept  openai.medium  a curator changed it here; --force overwrites it"
    assert Tip.objects.filter(key="openai.medium", **change).exists()
    said = take(record, "--force")
    assert said[0] == "changed  openai.medium  a curator had changed it here"
    assert Tip.objects.get(key="openai.medium").value == SAID


def test_an_imported_tip_counts_as_untouched_until_a_curator_changes_it(
    take: Callable[..., list[str]],
) -> None:
    take(pack(TIP))
    again = pack({**TIP, "position": 51})
    assert take(again)[0] == "changed  mock.fog"
    Tip.objects.update(enabled=False)
    assert take(pack(TIP))[0] == "kept  mock.fog  a curator changed it here; --force overwrites it"
    Tip.objects.update(enabled=True)
    assert take(pack(TIP))[0] == "changed  mock.fog"


def test_a_tip_from_before_imports_is_compared_with_the_fixture(
    take: Callable[..., list[str]],
) -> None:
    seed()
    record = pack(seeded("openai.medium", value=SAID), seeded("openai.camera-language", value=SAID))
    Tip.objects.update(given_digest="")
    Tip.objects.filter(key="openai.camera-language").update(position=999)
    assert [line.split()[0] for line in take(record) if "openai." in line] == ["changed", "kept"]


def test_a_curators_own_tip_and_unknown_keys_of_a_value_stay(
    take: Callable[..., list[str]],
) -> None:
    Tip.objects.create(key="mock.fog", provider="mock", value={"addition": "mine", "source": "a book"})
    assert take(pack(TIP))[0].startswith("kept  mock.fog")
    take(pack(TIP), "--force")
    assert Tip.objects.get().value == {**SAID, "source": "a book"}


def test_seed_leaves_what_was_imported(take: Callable[..., list[str]]) -> None:
    seed()
    take(pack(seeded("openai.medium", value=SAID)))
    seed()
    assert Tip.objects.get(key="openai.medium").value == SAID


def test_what_was_overwritten_is_in_the_log(take: Callable[..., list[str]]) -> None:
    take(pack(TIP))
    with structlog.testing.capture_logs() as lines:
        take(pack({**TIP, "enabled": False}))
    assert lines == [
        {
            "event": "tip_imported",
            "log_level": "info",
            "key": "mock.fog",
            "fate": "changed",
            "was_a_curators": False,
            "before": '{"enabled": true}',
        }
    ]


def test_the_pack_of_a_project_can_be_imported_elsewhere_unchanged(
    take: Callable[..., list[str]], shown: Project
) -> None:
    seed()
    before = list(Tip.objects.order_by("key").values("key", "provider", "enabled", "position", "value"))
    generator = generators.get("knowledgePack")
    (file,) = generator.generate(
        gather(title="", project_ids=[shown.pk], needs={"jobs", "tips"}), generator.options()
    )
    Tip.objects.all().delete()
    said = take(file.content.decode())
    assert said[-1] == "Tips: 19 new, 0 changed, 0 the same, 0 kept as a curator changed them, 0 only here."
    assert (
        list(Tip.objects.order_by("key").values("key", "provider", "enabled", "position", "value")) == before
    )


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("", "pack.json is not valid JSON: a value is missing at line 1, column 1"),
        ("\ufeff\ufeff{}", "pack.json is not valid JSON: it begins with a byte order mark; leave that out"),
        ('{"tips": ' + "9" * 5000 + "}", "pack.json is not valid JSON: a whole number has more than 300 digits"),
        ("[]", "pack.json is not a dali.tips record"),
        (pack(TIP, version=2), "version is 2: it must be 1"),
        (pack(), "tips is empty"),
        (pack(TIP, TIP), 'tips[1].key: "mock.fog" occurs twice'),
        (pack(TIP, tips={}), "tips is {}: it must be a list"),
        (pack(TIP, tips=[5]), "tips[0] is 5: it must be an object"),
        (pack({**TIP, "key": "Fog"}), 'tips[0].key is "Fog": it must be provider.subject in lower case'),
        (pack({**TIP, "provider": "openai"}), 'tips[0].provider is "openai": it must be mock'),
        (pack({**TIP, "enabled": 1}), "tips[0].enabled is 1: it must be true or false"),
        (pack({**TIP, "position": 2**31}), "tips[0].position is 2147483648: it must be a whole number from"),
        (pack({**TIP, "position": "1"}), 'tips[0].position is "1"'),
        (pack({**TIP, "value": "x"}), 'tips[0].value is "x": it must be an object'),
        (pack({**TIP, "value": {**SAID, "addition": None}}), "tips[0].value.addition is null: it must be text"),
        (pack({**TIP, "value": {**SAID, "addition": "a\0b"}}), "tips[0].value.addition contains the control character"),
        (pack({**TIP, "value": {**SAID, "addition": "x" * 32_001}}), "tips[0].value.addition has 32,001 characters"),
        (pack({**TIP, "value": {**SAID, "addition": " ", "guidance": ""}}), "tips[0].value is empty"),
        (pack({**TIP, "value": {**SAID, "kinds": ["paint"]}}), 'tips[0].value.kinds: "paint" is not known'),
        (pack({**TIP, "value": {**SAID, "keywords": ["a", "a"]}}), 'tips[0].value.keywords names "a" twice'),
        (pack({**TIP, "value": {**SAID, "keywords": [""]}}), 'tips[0].value.keywords[0] is "": it must be text'),
        (pack({**TIP, "value": {**SAID, "keywords": "sea"}}), 'tips[0].value.keywords is "sea": it must be a list'),
    ],
)  # fmt: skip
def test_an_invalid_pack_is_refused_by_field_and_nothing_is_written(
    take: Callable[..., list[str]], record: object, said: str
) -> None:
    with pytest.raises(CommandError) as caught:
        take(record)
    assert caught.value.returncode == 2
    assert said in str(caught.value)
    assert not Tip.objects.exists()
