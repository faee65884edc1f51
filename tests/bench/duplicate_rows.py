"""A project with very many images, written with SQL only, to measure the search for near-duplicates."""

import random
from uuid import UUID

from django.db import connection

from dali.lib.pictures import phash as hashes
from progressions.models import Job, Variant
from progressions.pipeline import duplicates
from projects.models import Project

# Images of one prompt resemble each other: structures are drawn around this many, each bit flipped with chance 1/8.
PROMPTS = 1_000

# All columns but the seven that are drawn; a row of the variants table as it is after its image was made.
_VARIANTS = """
INSERT INTO variants (id, job_id, project_id, provider, "index", number, kind, status, progress, attempts, code, error,
  retryable, seed, model, refined_prompt, tips, original_key, phash, phash_version, possibly_billed,
  progression_id, not_before, lease_owner, lease_token)
SELECT id, {job}, {project}, 'mock', n, n, 'generate', 'complete', 1, 1, '', '', {false}, n, '', '', '[]', '',
  phash, {version}, 0, id, {now}, '', 0 FROM drawn
"""
_PROGRESSIONS = """
INSERT INTO image_progressions (id, project_id, kind, ai_provider, model, prompt, refined_prompt, tips_applied,
  start_image_url, start_image_delivery_url, generated_image_url, original_image_r2_key, generated_image_r2_key,
  phash, phash_version, width, height, bytes, provider_meta, ai_notes, ai_tags, retry_suggestion, judge_attempts,
  search_text, created_at)
SELECT id, {project}, 'generate', 'mock', '', 'p', '', '[]', '', '', '/images/' || n, 'k', 'k', phash, {version},
  8, 8, 8, '{{}}', '[]', '[]', '', 0, 'p', {now} FROM drawn
"""
_BANDS = """
INSERT INTO hash_bands (variant_id, structure, band_0, band_1, band_2)
SELECT id, structure, {prefix} + (structure & 4194303), {prefix} + (structure >> 22 & 2097151),
  {prefix} + (structure >> 43 & 2097151) FROM drawn
"""
_DRAWN = {
    "sqlite": """
CREATE TEMP TABLE drawn AS WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {rows}),
bits AS MATERIALIZED (SELECT n, random() & random() & random() AS flips FROM counted),
mixed AS (SELECT bits.n AS n, (base | flips) - (base & flips) AS structure FROM bits JOIN prompts
  ON prompts.n = bits.n % {prompts})
SELECT n, structure, printf('%012x7000', 1700000000000 + n) || lower(hex(randomblob(8))) AS id,
  printf('%016x', structure) || lower(hex(randomblob(24))) AS phash FROM mixed
""",
    "postgresql": """
CREATE TEMP TABLE drawn AS WITH bits AS (SELECT n, {random} & {random} & {random} AS flips
  FROM generate_series(1, {rows}) AS n)
SELECT bits.n AS n, base # flips AS structure, (lpad(to_hex(1700000000000 + bits.n), 12, '0') || '7000'
  || substr(md5(random()::text), 1, 16))::uuid AS id, lpad(to_hex(base # flips), 16, '0')
  || md5(random()::text) || substr(md5(random()::text), 1, 16) AS phash
FROM bits JOIN prompts ON prompts.n = bits.n % {prompts}
""",
}
# random() has 32 good bits on PostgreSQL.
_RANDOM = "((floor(random() * 4294967296)::bigint << 32) | floor(random() * 4294967296)::bigint)"


def fill(rows: int) -> tuple[Project, list[int]]:
    """A project with `count` images; also the structures around which the images of its prompts are drawn."""
    project = Project.objects.create(name="large")
    job = Job.objects.create(
        project=project, session_id="bench", prompt="p", kind="generate", remaining=0, status="complete"
    )
    drawing = random.Random(7)
    prompts = [drawing.getrandbits(64) for _ in range(PROMPTS)]
    is_sqlite = connection.vendor == "sqlite"
    names = {
        "rows": rows,
        "prompts": PROMPTS,
        "random": _RANDOM,
        "project": _literal(project.id, is_sqlite=is_sqlite),
        "job": _literal(job.id, is_sqlite=is_sqlite),
        "false": "0" if is_sqlite else "FALSE",
        "now": "datetime('now')" if is_sqlite else "now()",
        "version": hashes.VERSION,
        "prefix": duplicates.buckets(project.id, 0)[0],
    }
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE prompts (n INTEGER PRIMARY KEY, base BIGINT)")
        cursor.executemany(
            "INSERT INTO prompts VALUES (%s, %s)",
            [(n, base - (base >> 63 << 64)) for n, base in enumerate(prompts)],
        )
        for statement in (_DRAWN[connection.vendor], _PROGRESSIONS, _VARIANTS, _BANDS):
            cursor.execute(statement.format(**names))
        cursor.execute("DROP TABLE drawn")
        cursor.execute("DROP TABLE prompts")
        cursor.execute("ANALYZE" if is_sqlite else "VACUUM ANALYZE")
    return project, prompts


def new_variant(project: Project, number: int) -> Variant:
    """A variant in progress, in its own job."""
    job = Job.objects.create(project=project, session_id="bench", prompt="p", kind="generate", remaining=1)
    return Variant.objects.create(
        job=job,
        project=project,
        provider="mock",
        index=0,
        number=0,
        kind="generate",
        status="running",
        seed=number,
    )


def similar_fingerprint(prompts: list[int], drawing: random.Random) -> str:
    """A fingerprint of one more image of one of the prompts."""
    flips = drawing.getrandbits(64) & drawing.getrandbits(64) & drawing.getrandbits(64)
    return f"{drawing.choice(prompts) ^ flips:016x}{drawing.getrandbits(192):048x}"


def nearest_by_looking_at_all(project: Project, phash: str, max_distance: int) -> int | None:
    """The distance of the nearest image, found without the index."""
    best = max_distance + 1
    wanted = hashes.structure(phash)
    for other in (
        Variant.objects.filter(project=project).exclude(phash="").values_list("phash", flat=True).iterator()
    ):
        if (hashes.structure(other) ^ wanted).bit_count() < best:
            best = min(best, hashes.distance(phash, other))
    return best if best <= max_distance else None


def _literal(id_: UUID, *, is_sqlite: bool) -> str:
    return f"'{id_.hex if is_sqlite else id_}'"
