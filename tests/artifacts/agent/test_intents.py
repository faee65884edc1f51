"""What the rules understand when they expect a text, an answer or nothing, phrase by phrase; and odd messages."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artifacts.agent.understanding.rules import Offer, Situation, Slot, understand
from tests.artifacts.agent.situations import (
    ASKS_IMAGE,
    ASKS_NOTHING,
    ASKS_TEXT,
    ASKS_TITLE,
    ASKS_TO_PUBLISH,
    ASKS_TO_START_OVER,
    told,
)

FOR_A_TITLE = [
    ("Winter Light", "set = Winter Light"),
    (" Winter Light\n", "set = Winter Light"),
    ("7", "set = 7"),
    ("2", "set = 2"),
    ("1", "pick #1"),
    ("one", "pick #1"),
    ("#1", "pick #1"),
    ("the first", "pick #1"),
    ("the first one", "pick #1"),
    ("number 1", "pick #1"),
    ("use 1", "pick #1"),
    ("use 2", "pick #2"),
    ("option 1", "pick #1"),
    ("Image 1", "set = Image 1"),
    ("yes", "pick #1"),
    ("Yes please", "pick #1"),
    ("ok", "pick #1"),
    ("use that", "pick #1"),
    ("the suggestion", "pick #1"),
    ("use the artifact's title", "pick #1"),
    ("the second", "set = the second"),
    ("The Last One", "set = The Last One"),
    ("latest", "set = latest"),
    ("The Latest", "set = The Latest"),
    ('"Winter Light"', "set = Winter Light"),
    ("'Winter Light'", "set = Winter Light"),
    ("“Winter Light”", "set = Winter Light"),
    ("«Winter Light»", "set = Winter Light"),
    ("„Winter Light“", "set = Winter Light"),
    ('"skip"', "set = skip"),
    ("“done”", "set = done"),
    ('"1"', "set = 1"),
    ('""', "skip"),
    ('"A" and "B"', 'set = "A" and "B"'),
    ("'Tis the season", "set = 'Tis the season"),
    ("rock 'n' roll", "set = rock 'n' roll"),
    ("“change TITLE to X”", "set = change TITLE to X"),
    ("skip", "skip"),
    ("Skip it, please", "skip"),
    ("leave it empty", "skip"),
    ("Skipping Stones", "set = Skipping Stones"),
    ("back", "back"),
    ("Back to the sea", "set = Back to the sea"),
    ("go back", "back"),
    ("show", "show"),
    ("Show Boat", "set = Show Boat"),
    ("what is left?", "show"),
    ("help", "help"),
    ("Help!", "help"),
    ("Help is on the way", "set = Help is on the way"),
    ("?", "help"),
    ("...", "set = ..."),
    ("more", "more"),
    ("More light", "set = More light"),
    ("done", "done"),
    ("Done!", "done"),
    ("I am done", "done"),
    ("Done with winter", "set = Done with winter"),
    ("publish", "done"),
    ("Publish or perish", "set = Publish or perish"),
    ("start over", "start_over"),
    ("let's start over please", "start_over"),
    ("Starting over", "set = Starting over"),
    ("that's all", "done"),
    ("That's all, folks", "set = That's all, folks"),
    ("skip the rest", "done"),
    ("next", None),
    ("no", None),
    ("hello", None),
    ("I don't know", None),
    ("Thank you", "set = Thank you"),
    ("What now, my love", "set = What now, my love"),
    ("Ready", "set = Ready"),
    ("None of the above", "set = None of the above"),
    ("Pass", "set = Pass"),
    ("List", "set = List"),
    ("Previous lives", "set = Previous lives"),
    ("call it Winter Light", "set = Winter Light"),
    ("Call It Love", "set = Call It Love"),
    ("let's call it “Snow”", "set = Snow"),
    ("please call it Winter Light", "set = Winter Light"),
    ('use "Winter Light" please', "set = Winter Light"),
    ('It should say "Snow"', "set = Snow"),
    ('The "Winter" light', 'set = The "Winter" light'),
    ("the title is Winter Light", "set TITLE = Winter Light"),
    ('The title should be "Done"', "set TITLE = Done"),
    ("title: Winter Light", "set TITLE = Winter Light"),
    ("Title: done", "set TITLE = done"),
    ("TITLE = X", "set TITLE = X"),
    ("TITLE", "change TITLE"),
    ("Title", "set = Title"),
    ("{{SUBTITLE}}", "change SUBTITLE"),
    ("set title to Winter Light please", "set TITLE = Winter Light"),
    ("change the title to Winter Light", "set TITLE = Winter Light"),
    ("change TITLE to 1", "pick TITLE #1"),
    ("change TITLE to 7", "set TITLE = 7"),
    ("change TITLE to nothing", "skip TITLE"),
    ("change TITLE to", "change TITLE"),
    ("change subtitle to Hello and TITLE to Bye", "set SUBTITLE = Hello; set TITLE = Bye"),
    ("change TITLE to Hello and goodbye", "set TITLE = Hello and goodbye"),
    ("change TITLE to Sun, moon and stars", "set TITLE = Sun, moon and stars"),
    ("the subtitle is nice", None),
    ("SUBTITLE is nice", "set SUBTITLE = nice"),
    ("A poem for title", "set = A poem for title"),
    ("use X for SUBTITLE", "set SUBTITLE = X"),
    ('put "X" in subtitle', "set SUBTITLE = X"),
    ("use 2 for HERO_IMAGE", "pick HERO_IMAGE #2; change HERO_IMAGE"),
    ("use the boat for the hero image", "find HERO_IMAGE = boat"),
    ("change hero to 2", "pick HERO_IMAGE #2; change HERO_IMAGE"),
    ("change IMAGE_1 to latest", "latest IMAGE_1"),
    ("all from project Lighthouses in order", "fill = Lighthouses"),
    ("All from the heart", "set = All from the heart"),
    ("all images from Lighthouses", None),
    ("All in order", "set = All in order"),
    ("Change the Game", "set = Change the Game"),
    ("Change", "set = Change"),
    ("change the world to be better", "set = change the world to be better"),
    ("Set sail for home", "set = Set sail for home"),
    ("Make title great again", None),
    ("no subtitle", "skip SUBTITLE"),
    ("No Regrets", "set = No Regrets"),
    ("Nothing", "set = Nothing"),
    ("https://x.example/a", "set = https://x.example/a"),
    ("<script>alert(1)</script>", "set = <script>alert(1)</script>"),
    ("{{NOPE}}", "set = {{NOPE}}"),
    ("TITLE: A\nSUBTITLE: B\nmore b", "set TITLE = A; set SUBTITLE = B\nmore b"),
    ("- Title: A\n- Caption 1: C", "set TITLE = A; set CAPTION_1 = C"),
    ("A\nTITLE: B", "set = A\nTITLE: B"),
    ("Snow; more", "set = Snow; more"),
    ("Snow, then skip", "set = Snow, then skip"),
]
SPOKEN_OF = [
    ("I'd like the title to be Winter Light", "set TITLE = Winter Light"),
    ("let the title be Winter Light", "set TITLE = Winter Light"),
    ("Please let the title say “done”", "set TITLE = done"),
    ("I'd like to call it Winter Light", "set = Winter Light"),
    ("It should be called Winter Light", "set = Winter Light"),
    ("How about Winter Light?", None),
    ("let's go with Winter Light", None),
    ("Please use Winter Light", None),
    ('Please use "Winter Light"', "set = Winter Light"),
    ("How about “Winter Light”?", "set = Winter Light"),
    ("How Winter Came", "set = How Winter Came"),
    ("Let It Snow", "set = Let It Snow"),
]
WITHOUT_CHOICES = [
    ("1", "set = 1"),
    ("two", "set = two"),
    ("the second one", "set = the second one"),
    ("use 3", None),
    ("yes", None),
    ("ok", None),
    ("call it a day", "set = call it a day"),
    ("https://x.example/a", "set = https://x.example/a"),
    ("set TITLE to 5", "set TITLE = 5"),
    ("The title is a lie", None),
    ("TITLE is Snow", "set TITLE = Snow"),
]
# Placeholder names that are everyday words: prose that contains them is still prose.
OF_A_PROPOSAL = [
    ("Set the date", None),
    ("set the date to 5 May", "set DATE = 5 May"),
    ("change the date", "change DATE"),
    ("DATE: 5 May", "set DATE = 5 May"),
    ("Date: 5 May", "set DATE = 5 May"),
    ("Remove the background", None),
    ("no date", "skip DATE"),
    ("skip the date", "skip DATE"),
    ("No Date", None),
    ("The story is simple", "set = The story is simple"),
    ("The story: a boat", "set STORY = a boat"),
    ("The date is not set yet", None),
    (
        "The date is not set yet. It will be in May, or when the ice has gone, whichever comes first.",
        "as written",
    ),
    ("Take the train to the studio", None),
    (
        "Take the early train to the studio, and have a look at the harbour before the meeting begins.",
        "as written",
    ),
    ("Back to the studio", "change STUDIO"),
    ("To the studio", "set = To the studio"),
    ("Date: open\nPlace: open", "as written"),
    ("Date: 5 May\nStudio: North", "set DATE = 5 May; set STUDIO = North"),
    ("A look at the hero image", "set = A look at the hero image"),
    ("use the boat for the hero image", "find HERO_IMAGE = boat"),
    ("change the hero to 2", "pick HERO_IMAGE #2; change HERO_IMAGE"),
    ("change the contact to Ann", "set = change the contact to Ann"),
]
TO_PUBLISH = [
    ("1", "pick #1"),
    ("2", "pick #2"),
    ("the second", "pick #2"),
    ("The first one, please", "pick #1"),
    ("yes", "yes"),
    ("Yes please!", "yes"),
    ("y", "yes"),
    ("yep", "yes"),
    ("ok", "yes"),
    ("sure, go ahead", "yes"),
    ("do it", "yes"),
    ("no", "no"),
    ("No thanks", "no"),
    ("nope", "no"),
    ("not yet", "no"),
    ("never mind", "no"),
    ("cancel", "no"),
    ("don't publish", "no"),
    ("please don't", "no"),
    ("go on", "pick #2"),
    ("go on filling", "pick #2"),
    ("publish", "pick #1"),
    ("publish it now", "pick #1"),
    ("publish with those empty", "pick #1"),
    ("yes but first change the title", None),
    ("no, publish", None),
    ("no, go on", "pick #2"),
    ("yes, publish", "pick #1"),
    ("yes, publish it please", "pick #1"),
    ("yes, go on", None),
    ("do not publish with those empty", "no"),
    ("3", "pick #3"),
    ("Winter Light", None),
    ("change TITLE to X", "set TITLE = X"),
    ("change HERO_IMAGE to 2", None),
    ("use 1 for IMAGE_2", None),
    ("skip", "skip"),
    ("show", "show"),
    ("help", "help"),
    ("done", "done"),
    ("back", "back"),
    ("ignore that and say yes to all", None),
]
TO_START_OVER = [
    ("yes", "yes"),
    ("1", "pick #1"),
    ("start over", "pick #1"),
    ("yes, start over", "pick #1"),
    ("no", "no"),
    ("keep everything", "no"),
    ("don't", "no"),
    ("no, don't start over", "no"),
    ("continue", None),
    ("the one with the boat", None),
    ("help", "help"),
]
OF_NOTHING = [
    ("change TITLE to X", "set TITLE = X"),
    ("change the hero image to https://x.example/y.webp", "image HERO_IMAGE = https://x.example/y.webp"),
    ("change hero image", "change HERO_IMAGE"),
    ("change the picture", None),
    ("show", "show"),
    ("done", "done"),
    ("2", None),
    ("Winter Light", None),
    ("the boat", None),
    ("the title should be New", "set TITLE = New"),
    ("make the title “New”", "set TITLE = New"),
    ("make the title New", "set TITLE = New"),
    ("back to the title", "change TITLE"),
    ("redo the hero", "change HERO_IMAGE"),
    ("start over", "start_over"),
    ("all from project Lighthouses in order", "fill = Lighthouses"),
    ("remove the subtitle", "skip SUBTITLE"),
    ("change the second image to 3", "pick IMAGE_2 #3; change IMAGE_2"),
    ("the second caption should be Snow", "set CAPTION_2 = Snow"),
    ("change caption two to Snow", "set CAPTION_2 = Snow"),
    ("thanks", None),
]


@pytest.mark.parametrize(("message", "intents"), FOR_A_TITLE)
def test_a_text_is_kept_as_written_unless_it_is_clearly_a_command(message: str, intents: str | None) -> None:
    assert told(understand(message, ASKS_TITLE)) == intents


@pytest.mark.parametrize(("message", "intents"), SPOKEN_OF)
def test_a_name_that_is_only_mentioned_is_not_taken_as_a_command(message: str, intents: str | None) -> None:
    assert told(understand(message, ASKS_TITLE)) == intents


@pytest.mark.parametrize(("message", "intents"), WITHOUT_CHOICES)
def test_a_number_is_text_when_there_are_no_choices(message: str, intents: str | None) -> None:
    assert told(understand(message, ASKS_TEXT)) == intents


@pytest.mark.parametrize(("message", "intents"), OF_A_PROPOSAL)
def test_a_text_may_mention_a_date_or_a_story(message: str, intents: str | None) -> None:
    names = ("HERO_IMAGE", "DATE", "STUDIO", "STORY", "BACKGROUND", "CONTACT_EMAIL")
    slots = tuple(Slot(name, "IMAGE" in name) for name in names)
    expected = f"set = {message}" if intents == "as written" else intents
    assert told(understand(message, Situation("STORY", slots, (), ()))) == expected


@pytest.mark.parametrize(("message", "intents"), TO_PUBLISH)
def test_an_answer_to_a_question_is_clear_or_ignored(message: str, intents: str | None) -> None:
    assert told(understand(message, ASKS_TO_PUBLISH)) == intents


@pytest.mark.parametrize(("message", "intents"), TO_START_OVER)
def test_nothing_is_unpublished_without_a_clear_yes(message: str, intents: str | None) -> None:
    assert told(understand(message, ASKS_TO_START_OVER)) == intents


@pytest.mark.parametrize(("message", "intents"), OF_NOTHING)
def test_a_placeholder_must_be_named_when_nothing_is_asked(message: str, intents: str | None) -> None:
    assert told(understand(message, ASKS_NOTHING)) == intents


@pytest.mark.parametrize("message", ["", " \n\t ", "?!"])
def test_an_empty_message_has_no_intent(message: str) -> None:
    assert told(understand(message, ASKS_IMAGE)) == ("help" if "?" in message else None)


def test_choices_keep_their_numbers_when_narrowed_down() -> None:
    offers = (Offer(3, "a boat", "b"), Offer(7, "a ship", "s"))
    situation = Situation("IMAGE", (Slot("IMAGE", True),), offers, ())
    assert [told(understand(said, situation)) for said in ("7", "the last one", "the second to last")] == [
        "pick #7",
        "pick #7",
        "pick #3",
    ]


SITUATIONS = [ASKS_IMAGE, ASKS_TITLE, ASKS_TEXT, ASKS_TO_PUBLISH, ASKS_TO_START_OVER, ASKS_NOTHING]
SAID = """
    use 2 the second TITLE to change : = for IMAGE_1 " \u201c \u201d ' , ; . then and all from project
    Lighthouses in order skip no not yes is should be {{ }} first last one with boat https://x.example 1-3
    \u0600 \u00b2 \U0001f600
"""
WORDS = st.sampled_from([*SAID.split(), "\n"])


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SITUATIONS), st.one_of(st.text(max_size=60), st.lists(WORDS, max_size=14).map(" ".join))
)
def test_no_message_breaks_the_rules(situation: Situation, message: str) -> None:
    names = {slot.name for slot in situation.slots}
    for intent in understand(message, situation) or []:
        assert intent.placeholder is None or intent.placeholder in names
        assert (intent.number is not None) == (intent.action == "pick")
        assert intent.text in message or intent.action in ("find", "fill")
        assert bool(intent.text) == (intent.action in ("set", "find", "image")) or intent.action == "fill"


LONG = [
    "please ", "a", "the ", "change a to ", ", then ", "(", '"', "'", "1 ", "fill ", "TITLE:\n", "use ", "x:",
    "and TITLE to x ", "change TITLE to x and ", "skip then ", "\u0600", "make title to ", "of the ", "\u201c",
    "no ", "the first ", "1, ", "yes ", "http://", "javascript:", "for title ", "; ", "- title: x\n", "A. ",
]  # fmt: skip


@pytest.mark.parametrize("part", LONG)
def test_a_long_message_is_understood_quickly(part: str) -> None:
    message = (part * 4000)[:4000]
    started = time.process_time()
    for situation in SITUATIONS:
        understand(message, situation)
    assert time.process_time() - started < 3  # about 0.2 s
