"""Words as search knows them: what a text is looked up by, what somebody looks for, and where it stands in a text.

Both databases are given the words that are found here, so that a search finds the same in each.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex

from approval.errors import Invalid, Problem

MOST_ASKED = 200
"""Characters of a query."""
MOST_TERMS = 20
LEAST_BEGINNING = 3
"""Letters that stand before an asterisk at least: the beginnings of fewer are everywhere."""
LONGEST = 100
"""Characters of a word that count: more than a digest in hexadecimal has."""

# Scripts that put no space between words: each sign is a word, and words are found as phrases of signs.
_SIGNS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = regex.compile(rf"(?V1)[{_SIGNS}]\p{{M}}*|[[\p{{L}}\p{{N}}]--[{_SIGNS}]][[\p{{L}}\p{{N}}\p{{M}}]--[{_SIGNS}]]*")
_TERM = regex.compile(r'"([^"]*)"?|([^\s"]+)')
_QUOTES = str.maketrans("“”„«»", '"""""')


@dataclass(frozen=True)
class Word:
    """A word of a text: how it is looked up, and where it stands there."""

    folded: str
    start: int
    end: int


@dataclass(frozen=True)
class Term:
    """One thing that is looked for: these words in a row; `beginning`: the last may go on."""

    words: tuple[str, ...]
    beginning: bool = False


@dataclass(frozen=True)
class Segment:
    """A stretch of an excerpt; `hit` where it is what was looked for."""

    text: str
    hit: bool = False


def words_of(text: str) -> Iterator[Word]:
    """Yield the words of a text: without case, accents and compatibility forms."""
    for found in _WORD.finditer(text):
        folded = _folded(found.group())
        if folded:
            yield Word(folded, found.start(), found.end())


def _folded(word: str) -> str:
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(sign for sign in plain if sign.isalnum())[:LONGEST].casefold()


def parse_terms(asked: str) -> tuple[Term, ...]:
    """Read a query: words that must all occur, "phrases in quotes", and beginnings*."""
    if len(asked) > MOST_ASKED:
        raise _wrong(f"A search has at most {MOST_ASKED} characters; this one has {len(asked)}.")
    terms = []
    for phrase, word in (found.groups() for found in _TERM.finditer(asked.translate(_QUOTES))):
        given = phrase if word is None else word
        words = tuple(each.folded for each in words_of(given))
        beginning = word is not None and word.endswith("*")
        if not words:
            continue
        if beginning and len(words[-1]) < LEAST_BEGINNING:
            raise _wrong(f"Write at least {LEAST_BEGINNING} letters before the asterisk of “{given}”.")
        terms.append(Term(words, beginning))
    if asked.strip() and not terms:
        raise _wrong("There is no word in this search. Write letters or digits.")
    if len(terms) > MOST_TERMS:
        raise _wrong(f"A search has at most {MOST_TERMS} words and phrases; this one has {len(terms)}.")
    return tuple(terms)


def _wrong(what: str) -> Invalid:
    return Invalid(what, problems=(Problem("words", what),))


def hits_in(text: str, terms: Sequence[Term]) -> list[tuple[int, int]]:
    """Return where a text says what was looked for: places in order that do not overlap."""
    words = list(words_of(text))
    places = sorted(
        (words[at].start, words[at + len(term.words) - 1].end)
        for term in terms
        for at in range(len(words) - len(term.words) + 1)
        if _is_at(words, at, term)
    )
    apart: list[tuple[int, int]] = []
    for start, end in places:
        if apart and start < apart[-1][1]:
            apart[-1] = (apart[-1][0], max(end, apart[-1][1]))
        else:
            apart.append((start, end))
    return apart


def _is_at(words: Sequence[Word], at: int, term: Term) -> bool:
    said = [word.folded for word in words[at : at + len(term.words)]]
    if term.beginning and said[-1].startswith(term.words[-1]):
        said[-1] = term.words[-1]
    return tuple(said) == term.words


def excerpt(text: str, terms: Sequence[Term], *, before: int = 80, length: int = 280) -> tuple[Segment, ...]:
    """Return a stretch of a text around its first hit, or its beginning, with the hits marked."""
    places = hits_in(text, terms)
    first = places[0][0] if places else 0
    start = 0 if first <= before else _next_space(text, first - before, first)
    end = len(text) if len(text) <= start + length else start + length
    segments = [Segment("… ")] if start else []
    at = start
    for begins, ends in places:
        if begins >= end:
            break
        segments += [Segment(text[at:begins]), Segment(text[begins:ends], hit=True)]
        at = ends
    segments.append(Segment(text[at : max(at, end)]))
    if max(at, end) < len(text):
        segments.append(Segment(" …"))
    return tuple(segment for segment in segments if segment.text)


def _next_space(text: str, start: int, before: int) -> int:
    """Return the beginning of the first whole word after *start*, or *start* where none begins before the hit."""
    space = text.find(" ", start, before)
    return start if space == -1 else space + 1
