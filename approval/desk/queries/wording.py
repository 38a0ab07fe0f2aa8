"""Which edits could answer a finding: the words that its suggestion quotes, or what a person would strike. Pure.

Whether one of them does answer it is for the rules to say (`edits.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from approval.networks import Network
from approval.rules import Finding, offered
from approval.screening.opinion.sentences import LONGEST, sentences

_QUALIFIER = re.compile(
    r"\b(guaranteed|assured|foolproof|sure-fire|\w+[- ]free)\s+"
    r"(?!(?:to|by|for|of|and|or|in|on|with|when|if)\b)(?=[^\W_])",
    re.IGNORECASE,
)
"""A qualifier right before what it qualifies: without it the sentence still stands."""
_CARRIES = re.compile(r"(?:\b(?:is|are|was|were|be|been|gets?|stays?|not|no|never|without|an)|ly|[%\d-])\s*\Z", re.I)
"""Before these the qualifier carries the sentence, or its loss would turn it round: “no guaranteed returns”."""
_ARTICLE = re.compile(r"\ba\s+\Z", re.IGNORECASE)
_NEAR = 40
_SENTENCE_BEGINS = re.compile(r"(?:\A|[.!?…]\s+|\n\s*)\Z")


@dataclass(frozen=True)
class Way:
    """The code points of a text from `start` to `end` become `words`; `told` where the suggestion quotes them."""

    start: int
    end: int
    words: str
    told: bool = False


def ways(network: Network, text: str, found: Finding) -> Iterator[Way]:
    """Each edit that could answer *found* in *text*, the closest to what stands there first."""
    asked = offered(found.suggestion)
    if asked is not None and (asked[1] or found.start is None):
        yield Way(len(text), len(text), _gap(network, text) + asked[0], told=True)
    elif found.start is not None and found.end is not None:
        for way in _at(text, found, found.start, found.end, asked[0] if asked else None):
            if "<" not in text[way.start : way.end]:  # A place may hold the tag that ends a link.
                yield way


def _at(text: str, found: Finding, start: int, end: int, words: str | None) -> Iterator[Way]:
    if words is not None:
        yield Way(start, end, words, told=True)
    elif found.suggestion.startswith("Delete"):
        yield from _without_qualifier(text, start, end)
        yield from _without_sentence(text, start, end)


def _without_qualifier(text: str, start: int, end: int) -> Iterator[Way]:
    found = _QUALIFIER.search(text, start, end + _NEAR)
    if found is None or found.end(1) > end:
        return
    before, after = text[max(0, found.start() - _NEAR) : found.start()], found.end()
    if _CARRIES.search(before) or (_ARTICLE.search(before) and text[after].lower() in "aeiou18"):
        return
    if _SENTENCE_BEGINS.search(before):
        yield Way(found.start(), after + 1, text[after].upper())
    else:
        yield Way(found.start(), after, "")


def _without_sentence(text: str, start: int, end: int) -> Iterator[Way]:
    """Strike the sentence around the place, with the space beside it, where others are left."""
    each = list(sentences(text))
    around = next((one for one in each if one.start <= start and end <= one.end), None)
    if around is None or len(each) == 1 or len(around.text) == LONGEST:
        return
    rest = text[around.end :]
    spaces = len(rest) - len(rest.lstrip(" "))
    if rest.strip():
        yield Way(around.start, around.end + spaces, "")
    else:
        yield Way(len(text[: around.start].rstrip()), len(text), "")


def _gap(network: Network, text: str) -> str:
    """What stands between a text and a sentence after it."""
    if not text or text[-1].isspace():
        return ""
    if network.segments(text)[-1].kind != "plain":
        return "\n"
    return " " if text.endswith((".", "!", "?")) else ". "
