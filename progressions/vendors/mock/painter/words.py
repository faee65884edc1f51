"""Reading a prompt the way a painter would: light, place, subjects, weather, colours, treatment."""

import hashlib
import re
from dataclasses import dataclass

from dali.lib.pictures.colour.names import NAMED, Colour, find_colour_names, is_monochrome_asked

LIGHTS = {
    "night": "night midnight moonlit moonlight nocturnal starry dark darkness",
    "dusk": "dusk sunset evening twilight gloaming",
    "golden": "golden autumn autumnal",
    "dawn": "dawn sunrise morning",
    "storm": "storm stormy thunder thunderstorm lightning tempest",
    "fog": "fog foggy mist misty overcast rain rainy hazy",
    "day": "day daylight noon midday sunny sunlit bright sunshine summer",
}
PLACES = {
    "sea": "sea ocean coast coastal beach shore harbour harbor bay island waves wave",
    "lake": "lake pond river fjord lagoon",
    "mountains": "mountain mountains alps peak peaks summit cliff cliffs",
    "forest": "forest woods woodland jungle pines",
    "city": "city skyline town street urban skyscraper skyscrapers metropolis downtown",
    "desert": "desert dune dunes sahara sand",
    "meadow": "meadow field fields prairie garden hill hills valley countryside vineyard grass",
    "abstract": "abstract geometric pattern composition shapes",
}
SUBJECTS = {
    "lighthouse": "lighthouse beacon",
    "boat": "boat sailboat ship sail yacht sailing",
    "house": "house cottage cabin hut barn farmhouse chalet",
    "castle": "castle fortress tower citadel",
    "tree": "tree oak maple willow",
    "flowers": "flower tulip poppy poppies rose daisy daisies sunflower blossom bloom lavender",
    "birds": "bird gull seagull swallow crow geese",
    "balloon": "balloon",
    "figure": "person woman man girl boy figure portrait child wanderer astronaut people coat dress cloak",
    "cat": "cat kitten fox dog",
}
EXTRAS = {
    "moon": "moon moonlit moonlight crescent",
    "sun": "sun sunny sunset sunrise sunshine",
    "stars": "star starry milky",
    "clouds": "cloud cloudy overcast storm stormy",
    "rain": "rain rainy thunderstorm downpour",
    "snow": "snow snowy winter snowfall blizzard",
    "lightning": "lightning thunder thunderstorm",
}
TREATMENTS = {
    "oil": r"\boil (?:on canvas|painting|paint)\b|\bimpasto\b|\boils\b",
    "watercolour": r"\bwater-?colou?rs?\b|\baquarelle\b",
    "pixel": r"\bpixel[ -]?art\b|\bpixelated\b|\b(?:8|16)[ -]bit\b",
    "line": r"\bline[ -](?:drawing|art)\b|\b(?:pencil|ink|charcoal) (?:drawing|sketch)\b|\bsketch\b|\betching\b",
}
GRADES = {
    "sepia": "sepia vintage antique",
    "warmer": "warm warmer",
    "cooler": "cool cooler cold colder",
    "brighter": "brighter lighten lighter",
    "darker": "darker darken",
    "mirror": "mirror mirrored flip flipped",
    "blur": "blur blurred blurry soften softer",
    "vivid": "vivid vibrant saturated colourful colorful",
    "muted": "muted faded pastel desaturated",
}
_NEGATIONS = {"no", "without", "remove", "not"}


@dataclass(frozen=True, slots=True)
class Brief:
    """What a prompt asks for, as far as it was understood.

    `light` and `place` are keys of LIGHTS and PLACES, empty where none is named; `subjects` are pairs of a key of
    SUBJECTS and its colour (None: the painter's choice); `colours` are those named for nothing in particular.
    `digest` is the SHA-256 of the prompt.
    """

    digest: bytes
    light: str
    place: str
    subjects: tuple[tuple[str, Colour | None], ...]
    extras: frozenset[str]
    colours: tuple[Colour, ...]
    grades: tuple[str, ...]
    treatment: str
    is_monochrome: bool
    colour_names: tuple[str, ...]

    @property
    def understood(self) -> list[str]:
        """Every understood word, for the record."""
        found = [
            self.light,
            self.place,
            *(name for name, _ in self.subjects),
            *sorted(self.extras),
            *self.grades,
        ]
        found += [*self.colour_names, self.treatment, "monochrome" * self.is_monochrome]
        return [word for word in found if word]


def read_prompt(prompt: str) -> Brief:
    """The brief of a prompt; a word after "no" or "without" does not count."""
    text = prompt.lower()
    words = [
        word
        for before, word in zip(["", *re.findall(r"[a-z]+", text)], re.findall(r"[a-z]+", text), strict=False)
        if before not in _NEGATIONS
    ]
    subjects, taken = _subjects(words)
    places = _keys(PLACES, words)
    names = find_colour_names(text)
    return Brief(
        digest=hashlib.sha256(prompt.encode()).digest(),
        light=next(iter(_keys(LIGHTS, words)), ""),
        place=places[0] if places else "",
        subjects=subjects,
        extras=frozenset(_keys(EXTRAS, words)),
        colours=tuple(NAMED[name][0] for name in names if name not in taken),
        grades=tuple(_keys(GRADES, words)),
        treatment=next((name for name, pattern in TREATMENTS.items() if re.search(pattern, text)), ""),
        is_monochrome=is_monochrome_asked(text),
        colour_names=tuple(names),
    )


def _keys(table: dict[str, str], words: list[str]) -> list[str]:
    """Keys of the table whose words occur, in the order of the text."""
    by_word = {word: key for key, listed in table.items() for word in listed.split()}
    found = [by_word.get(word) or by_word.get(word.removesuffix("s")) for word in words]
    return list(dict.fromkeys(key for key in found if key))


def _subjects(words: list[str]) -> tuple[tuple[tuple[str, Colour | None], ...], set[str]]:
    """Subjects with the colour named within two words before them, and the colour names so used."""
    by_word = {word: key for key, listed in SUBJECTS.items() for word in listed.split()}
    subjects: dict[str, Colour | None] = {}
    taken: set[str] = set()
    for index, word in enumerate(words):
        key = by_word.get(word) or by_word.get(word.removesuffix("s"))
        if key is None or subjects.get(key) is not None:
            continue
        near = [name for name in reversed(words[max(0, index - 2) : index]) if name in NAMED]
        subjects[key] = NAMED[near[0]][0] if near else None
        taken.update(near[:1])
    return tuple(subjects.items()), taken
