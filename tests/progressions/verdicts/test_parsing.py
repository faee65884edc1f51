"""An answer of a model, in any shape, becomes a verdict that fits the contract, or none."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from progressions.enums import Judgment
from progressions.judge import Verdict
from progressions.verdicts.parsing import parse_verdict

WHOLE = {
    "notes": ["A barn stands in a field.", "It is blue, not red."],
    "judgment": "fail",
    "tags": ["barn", "field"],
    "retry_suggestion": "Paint the barn red.",
}
EXPECTED = Verdict(
    Judgment.FAIL, ["A barn stands in a field.", "It is blue, not red."], ["barn", "field"], "Paint the barn red."
)  # fmt: skip
SHAPES = {
    "alone": json.dumps(WHOLE),
    "indented": json.dumps(WHOLE, indent=2),
    "fenced": f"```json\n{json.dumps(WHOLE, indent=2)}\n```",
    "fenced without a word": f"```\n{json.dumps(WHOLE)}\n```",
    "prose around": f"Sure! Here is my verdict:\n{json.dumps(WHOLE)}\nI hope that helps {{really}}.",
    "braces before": f"The answer {{as asked}} is {json.dumps(WHOLE)}",
    "after thinking": f'I might say {{"judgment": "pass"}}, but no.\n{json.dumps(WHOLE)}',
    "text within JSON": json.dumps(json.dumps(WHOLE)),
    "in an envelope": json.dumps({"result": {"verdict": WHOLE}}),
    "in a list": json.dumps([WHOLE]),
    "single quotes": str(WHOLE),
    "comma too many": json.dumps(WHOLE, indent=1).replace('."\n', '.",\n').replace('red."', 'red.",'),
    "cut off at the brace": json.dumps(WHOLE)[:-1],
    "cut off in the last text": json.dumps(WHOLE)[:-3],
    "bare keys": re.sub(r'"(\w+)":', r"\1:", json.dumps(WHOLE)),
    "line breaks in texts": json.dumps(WHOLE).replace("stands in", "stands\n  in"),
}


def assert_well_formed(verdict: Verdict) -> None:
    """The same checks as in test_judge_contract."""
    assert verdict.judgment in (Judgment.PASS, Judgment.FAIL)
    assert verdict.notes
    assert all(re.fullmatch(r"[A-Z].*[.!?]", note) for note in verdict.notes), verdict.notes
    assert all(len(note) <= 520 for note in [*verdict.notes, verdict.retry_suggestion])
    assert len(verdict.tags) <= 20
    assert all(tag == tag.lower() == tag.strip() and 1 <= len(tag) <= 40 for tag in verdict.tags)
    assert len(set(verdict.tags)) == len(verdict.tags)
    assert bool(verdict.retry_suggestion) == (verdict.judgment == Judgment.FAIL)
    everything = json.dumps([verdict.notes, verdict.tags, verdict.retry_suggestion], ensure_ascii=False)
    assert "\x00" not in everything
    everything.encode()  # no unpaired surrogates, which no database accepts


@pytest.mark.parametrize("shape", SHAPES)
def test_an_answer_is_read_in_any_shape(shape: str) -> None:
    assert parse_verdict(SHAPES[shape]) == EXPECTED


@pytest.mark.parametrize(
    "text",
    [
        "", "   ", "I cannot say.", "{}", "[]", "null", "pass", '"', '{"', "{'", '{"notes": ["A barn."]}',
        '{"judgment": null}', '{"judgment": "maybe"}', '{"judgment": "pass|fail"}', '{"judgment": "pass or fail"}',
        '{"judgment": "pa', '{"judgment": ["pass"]}', '{"judgment": {"a": 1}}', '{"judgment": 0.7}',
        "<html>502</html>", "{" * 30_000, "[" * 30_000, '{"a":' * 30_000, '{"' * 20_000, '{"a": ' + "9" * 5000,
    ],
)  # fmt: skip
def test_an_answer_without_a_judgment_gives_no_verdict(text: str) -> None:
    assert parse_verdict(text) is None


@pytest.mark.parametrize(
    ("said", "judgment"),
    [
        ("Pass.", "pass"), ("PASS", "pass"), ("passed", "pass"), ("yes", "pass"), (True, "pass"), (1, "pass"),
        ("Acceptable", "pass"), ("pass: all there", "pass"), ("**pass**", "pass"),
        ("Fail!", "fail"), ("failed", "fail"), ("no", "fail"), (False, "fail"), (0, "fail"), ("Rejected", "fail"),
        ("not a pass", "fail"), ("does not pass", "fail"), ("doesn't pass", "fail"), ("bad", "fail"),
        ("fail (no red barn)", "fail"), ("cannot pass", "fail"), ("can't be approved", "fail"), ("cant pass", "fail"),
        ("isn't acceptable", "fail"), ("isn\u2019t acceptable", "fail"), ("not acceptable", "fail"),
        ("not a very clear pass", "fail"), ("fails to pass", "fail"), ("Failed to meet the prompt", "fail"),
        ("would not pass", "fail"), ("never passes", "fail"), ("unable to approve this image", "fail"),
        ("neither good nor acceptable", "fail"), ("far from acceptable", "fail"), ("no pass", "fail"),
        ("non-acceptable", "fail"), ("rejected, not acceptable", "fail"), ("The image fails.", "fail"),
        ("No, the barn is blue", "fail"), ("It can not be said to pass", "fail"), ("not_pass", "fail"),
        ("Pass, with no issues", "pass"), ("no issues: pass", "pass"), ("Pass - no defects", "pass"),
        ("Yes, it passes.", "pass"), ("a pass without doubt", "pass"),
    ],
)  # fmt: skip
def test_synonyms_of_a_judgment_are_understood(said: object, judgment: str) -> None:
    verdict = parse_verdict(json.dumps({"judgment": said, "notes": ["A barn."]}))
    assert verdict is not None
    assert verdict.judgment == judgment


@pytest.mark.parametrize(
    "said",
    [
        "pass, not fail",
        "it is not, in my view, acceptable",
        "does not fail",
        "pass? no",
        "a good image but fails",
    ],
)
def test_contradictory_words_give_no_judgment(said: str) -> None:
    assert parse_verdict(json.dumps({"judgment": said})) is None


@pytest.mark.parametrize(
    "names",
    [
        ("judgment", "notes", "tags", "retry_suggestion"),
        ("Judgment", "Notes", "Tags", "Retry_Suggestion"),
        ("JUDGEMENT", "REASONING", "TAGS", "RETRY-SUGGESTION"),
        ("Verdict", "reasoning", "Keywords", "retrySuggestion"),
        ("decision", "rationale", "labels", "Retry suggestion"),
        ("Passed", "Explanation", "Tag", "recommendation"),
        ("result", "Justification", "tags", "Improvement"),
    ],
)
def test_the_parts_are_recognised_by_other_names_and_in_any_case(names: tuple[str, str, str, str]) -> None:
    said = ("fail", "The barn is blue.", ["barn"], "Paint it red.")
    verdict = parse_verdict(json.dumps(dict(zip(names, said, strict=True))))
    assert verdict == Verdict(Judgment.FAIL, ["The barn is blue."], ["barn"], "Paint it red.")


def test_the_status_of_an_envelope_is_not_a_judgment() -> None:
    assert parse_verdict('{"status": "ok", "notes": ["A barn."]}') is None
    verdict = parse_verdict('{"status": "ok", "data": {"Judgment": "FAIL", "Notes": [{"Text": "a barn"}]}}')
    assert verdict is not None
    assert (verdict.judgment, verdict.notes) == ("fail", ["A barn."])


def test_notes_become_complete_sentences() -> None:
    notes = "- the barn is blue\n2. 3 cows graze\n\n* \u201cHallo\u201d steht da\nwas fehlt,\n"
    notes += "\u7a7a\u662f\u84dd\u8272\u7684\u3002"
    verdict = parse_verdict(json.dumps({"judgment": "pass", "notes": notes}))
    assert verdict is not None
    assert verdict.notes == [
        "The barn is blue.", "Seen: 3 cows graze.", "Seen: \u201cHallo\u201d steht da.", "Was fehlt.",
        "Seen: \u7a7a\u662f\u84dd\u8272\u7684.",
    ]  # fmt: skip


def test_an_endless_note_is_cut_between_words() -> None:
    verdict = parse_verdict(json.dumps({"judgment": "pass", "notes": ["blue " * 1000]}))
    assert verdict is not None
    assert len(verdict.notes[0]) <= 500
    assert verdict.notes[0].endswith(" blue...")


def test_tags_are_made_to_fit() -> None:
    tags = [
        "#Barn",
        "barn",
        " Red  Barn ",
        "x" * 41,
        "a very long tag indeed that goes on and on for ever",
        7,
        None,
        "a, b",
    ]
    verdict = parse_verdict(json.dumps({"judgment": "pass", "tags": [*tags, *(f"t{n}" for n in range(30))]}))
    assert verdict is not None
    assert verdict.tags[:6] == ["barn", "red barn", "a very long tag indeed that goes on and", "7", "a", "b"]
    assert len(verdict.tags) == 20


def test_a_fail_without_a_suggestion_gets_one_and_a_pass_loses_its_own() -> None:
    failed = parse_verdict('{"judgment": "fail", "notes": ["The barn is blue."], "retry_suggestion": ""}')
    bare = parse_verdict('{"judgment": "fail"}')
    passed = parse_verdict('{"judgment": "pass", "notes": [], "retry_suggestion": "Make it red."}')
    assert failed is not None
    assert bare is not None
    assert passed is not None
    assert failed.retry_suggestion == "Fix this: The barn is blue."
    assert (bare.notes, bool(bare.retry_suggestion)) == (["The judge gave no reason."], True)
    assert passed.retry_suggestion == ""


def test_unpaired_surrogates_and_nul_are_removed() -> None:
    verdict = parse_verdict(
        '{"judgment": "pass", "notes": ["a\\ud83d b\\u0000c"], "tags": ["\\udc00", "\\ud83d\\ude00 x"]}'
    )
    assert verdict is not None
    assert (verdict.notes, verdict.tags) == (["A b c."], ["\U0001f600 x"])


PARTS = st.recursive(
    st.none()
    | st.booleans()
    | st.floats()
    | st.text()
    | st.sampled_from(["pass", "Fail.", "\ud800", "\x00", "\u0130"]),
    lambda inner: (
        st.lists(inner) | st.dictionaries(st.sampled_from(["note", "text", "judgment", "x"]), inner)
    ),
    max_leaves=8,
)
ANSWERS = st.fixed_dictionaries(
    {"judgment": st.sampled_from(["pass", "FAIL", True, "rejected"]) | PARTS},
    optional={"notes": PARTS, "tags": PARTS, "retry_suggestion": PARTS},
)


@given(st.text() | st.text(alphabet="{}[]\"':,\\ \npasfil`judgment0.-"))
def test_no_text_breaks_the_parser(text: str) -> None:
    if (verdict := parse_verdict(text)) is not None:
        assert_well_formed(verdict)


@given(ANSWERS, st.integers(0, 400), st.sampled_from(["", "```json\n", "So: ", "{ "]), st.booleans())
def test_any_content_is_made_to_fit(
    answer: dict[str, object], cut: int, before: str, is_single: bool
) -> None:
    text = before + (repr(answer) if is_single else json.dumps(answer))
    if (verdict := parse_verdict(text[: len(text) - cut])) is not None:
        assert_well_formed(verdict)


@pytest.mark.parametrize("part", ["{", "[", "(", "{'", "]“{", '{"a":', '{"judgment": ['])
def test_hostile_text_of_any_length_is_read_to_an_end(part: str) -> None:
    assert parse_verdict(("{" + part * 100_000)[:100_000]) is None
