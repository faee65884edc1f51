"""How tips are added to a prompt: which, in what order, and with what words."""

import itertools

import pytest

from knowledgebase.refine import MAX_CHARACTERS, Refined, TipText, refine


def tip(
    addition: str,
    *,
    key: str = "mock.tip",
    kinds: tuple[str, ...] = (),
    keywords: tuple[str, ...] = (),
    position: int = 0,
) -> TipText:
    return TipText(key=key, addition=addition, kinds=kinds, keywords=keywords, position=position)


def test_a_prompt_without_tips_is_only_trimmed() -> None:
    assert refine("  a lighthouse at dusk\n", "generate", []) == Refined("a lighthouse at dusk", ())


def test_a_tip_for_any_prompt_is_added_after_the_clients_words() -> None:
    light = tip("soft window light")
    assert refine("a portrait", "generate", [light]) == Refined("a portrait, soft window light", (light,))


@pytest.mark.parametrize(
    ("prompt", "addition", "refined"),
    [
        ("a portrait", "soft light", "a portrait, soft light"),
        ("a portrait", "Keep the face.", "a portrait. Keep the face."),
        ("A portrait.", "soft light", "A portrait. soft light"),
        ("A portrait!", "Keep the face.", "A portrait! Keep the face."),
        ("a portrait,", "soft light", "a portrait, soft light"),
        ("A sign: “Closed.”", "Keep the face.", "A sign: “Closed.” Keep the face."),
        ("a sign (old)", "soft light", "a sign (old), soft light"),
        ("黄昏の灯台。", "油絵", "黄昏の灯台。 油絵"),
        ("a portrait", "  soft light  ", "a portrait, soft light"),
    ],
)
def test_an_addition_is_joined_with_correct_punctuation(prompt: str, addition: str, refined: str) -> None:
    assert refine(prompt, "generate", [tip(addition)]).prompt == refined


def test_tips_are_applied_by_position_and_then_by_key_in_any_input_order() -> None:
    tips = [
        tip("third", key="mock.a", position=2),
        tip("first", key="mock.z", position=1),
        tip("second", key="mock.b", position=1),
        tip("zeroth", key="mock.y", position=-5),
    ]
    expected = "a boat, zeroth, second, first, third"
    for order in itertools.permutations(tips):
        assert refine("a boat", "generate", order).prompt == expected


def test_a_tip_of_other_kinds_is_left_out() -> None:
    keep = tip("Change nothing else.", kinds=("edit", "inpaint"))
    assert refine("make it night", "generate", [keep]) == Refined("make it night", ())
    assert refine("make it night", "edit", [keep]).tips == (keep,)


@pytest.mark.parametrize(
    "prompt", ["ART of the fugue", "the Art", "art, oil", "(art)", "an art\nshow", "art's sake"]
)
def test_a_keyword_matches_whole_words_in_any_case(prompt: str) -> None:
    assert refine(prompt, "generate", [tip("x", keywords=("Art",))]).tips != ()


@pytest.mark.parametrize("prompt", ["a party", "artful", "smart", "art_work", "3art", "a boat"])
def test_a_keyword_does_not_match_parts_of_words(prompt: str) -> None:
    assert refine(prompt, "generate", [tip("x", keywords=("art",))]) == Refined(prompt, ())


@pytest.mark.parametrize("keyword", ["café", "cafe\u0301", "CAFE\u0301"])
@pytest.mark.parametrize("prompt", ["a Café at dusk", "a Cafe\u0301 at dusk"])
def test_a_keyword_matches_in_any_unicode_encoding(keyword: str, prompt: str) -> None:
    refined = refine(prompt, "generate", [tip("warm lamps", keywords=(keyword,))])
    assert refined.prompt == f"{prompt}, warm lamps", "the client's own letters stay"
    assert refine("a cafe", "generate", [tip("warm lamps", keywords=(keyword,))]).tips == ()


def test_an_addition_already_in_the_prompt_in_other_code_points_is_left_out() -> None:
    assert refine("a cafe\u0301", "generate", [tip("Café")]) == Refined("a cafe\u0301", ())


def test_one_keyword_of_several_is_enough() -> None:
    portrait = tip("85 mm lens", keywords=("portrait", "face"))
    assert refine("an old face", "generate", [portrait]).tips == (portrait,)


def test_a_keyword_of_several_words_matches_across_any_white_space() -> None:
    painting = tip("visible brush strokes", keywords=("oil painting",))
    assert refine("an Oil\n  painting of a cat", "generate", [painting]).tips == (painting,)
    assert refine("oil, painting", "generate", [painting]).tips == ()


@pytest.mark.parametrize("keyword", ["c++", "16:9", "$100", ".", "(", "[a"])
def test_a_keyword_is_plain_words_and_not_a_pattern(keyword: str) -> None:
    assert refine(f"about {keyword} today", "generate", [tip("x", keywords=(keyword,))]).tips != ()
    assert refine("about nothing", "generate", [tip("x", keywords=(keyword,))]).tips == ()


def test_words_of_another_alphabet_match_in_any_case() -> None:
    assert refine("ein Bild der STRASSE", "generate", [tip("x", keywords=("Straße",))]).tips != ()
    assert refine("ΦΩΣ on the sea", "generate", [tip("x", keywords=("φως",))]).tips != ()


def test_words_that_a_tip_adds_trigger_no_other_tip() -> None:
    tips = [
        tip("an oil portrait", key="mock.a"),
        tip("visible brush strokes", key="mock.b", keywords=("oil",)),
    ]
    assert refine("a face", "generate", tips).prompt == "a face, an oil portrait"


def test_an_addition_already_in_the_prompt_is_left_out() -> None:
    light = tip("soft  window light")
    assert refine("a face in Soft Window\nLight", "generate", [light]) == Refined(
        "a face in Soft Window\nLight", ()
    )


def test_an_addition_already_made_by_an_earlier_tip_is_left_out() -> None:
    first, second = tip("soft light", key="mock.a"), tip("Soft light", key="mock.b")
    assert refine("a face", "generate", [second, first]) == Refined("a face, soft light", (first,))


def test_an_addition_inside_a_longer_word_does_not_count_as_present() -> None:
    assert refine("a lighthouse", "generate", [tip("light")]).prompt == "a lighthouse, light"


@pytest.mark.parametrize("addition", ["", "   "])
def test_a_tip_that_adds_no_words_is_not_listed_as_applied(addition: str) -> None:
    assert refine("a face", "generate", [tip(addition)]) == Refined("a face", ())


def test_the_result_ends_at_40000_characters_and_a_shorter_tip_still_fits() -> None:
    prompt = "a" * (MAX_CHARACTERS - 10)
    long, short = tip("b" * 20, key="mock.a"), tip("bbbbbbbb", key="mock.b")
    refined = refine(prompt, "generate", [long, short])
    assert refined.tips == (short,)
    assert len(refined.prompt) == 40_000


def test_an_applied_tip_keeps_its_wording() -> None:
    light = TipText("mock.light", " soft light ", (), (), 0, guidance="Name the light.")
    assert refine("a face", "generate", [light]).tips[0] is light
