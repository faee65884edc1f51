"""Breaks text into lines, for drawings that do not wrap text."""

from artifacts.parts.typeset import columns_of

_READ = 600  # characters; longer text never fits a label


def fitted_lines(text: str, columns: int, most: int) -> list[str]:
    """At most `most` lines of at most `columns`, with `…` if text is cut; wide letters count twice."""
    lines: list[str] = []
    line = ""
    for word in text[:_READ].split():
        for piece in _pieces(word, columns):
            if line and columns_of(line) + 1 + columns_of(piece) > columns:
                lines.append(line)
                line = piece
            else:
                line = f"{line} {piece}" if line else piece
    lines += [line] if line else []
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while columns_of(last) >= columns:
        last = last[:-1]
    return [*lines[: most - 1], last.rstrip(" ,.;") + "…"]


def _pieces(word: str, columns: int) -> list[str]:
    pieces, piece = [], ""
    for letter in word:
        if columns_of(piece) + columns_of(letter) > columns:
            pieces.append(piece)
            piece = ""
        piece += letter
    return [*pieces, piece]
