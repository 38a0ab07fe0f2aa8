"""twitter-text in bounded time: X's weighted length and its idea of a link."""

from __future__ import annotations

import warnings

import regex

from approval.networks.links import Link, with_scheme

with warnings.catch_warnings():
    # twitter-text-parser 3.0.0 reads its emoji through pkg_resources, which setuptools calls deprecated.
    warnings.simplefilter("ignore")
    import twitter_text

# Twelve links of 4,096 characters (the longest that X takes) fill its limit of 280: a longer text is over it.
_LONGEST = 50_000

# The published expressions backtrack. Measured on one word: 4,000 characters of "a." take 54 s (15 µs each
# pair of labels), 1,000 of "あ" before a "." take 0.15 s (0.15 µs each pair). The budget is the most that 280
# code points can cost, under a second: a text beyond it is over X's limit by its code points alone.
_PER_PAIR_OF_LABELS = 256
_BUDGET = 280**2 + _PER_PAIR_OF_LABELS * 140**2
_WORD = regex.compile(r"[^ \t\n]++")
_LABEL = regex.compile(r"[^.]\.")
_START = regex.compile(r"[^A-Za-z0-9]")

# NFC sorts a run of marks by insertion: 50,000 marks take 5 s. Marks compose only with a base of their own,
# so a text with more of them keeps more than 280 code points.
_MOST_MARKS = 2_000
_MARK = regex.compile(r"\p{M}")

_LIGHT = regex.compile(r"[\u0000-\u10FF\u2000-\u200D\u2010-\u201F\u2032-\u2037]")
_LONE_SURROGATE = regex.compile(r"[\uD800-\uDFFF]")


def is_affordable(text: str) -> bool:
    """Whether twitter-text reads *text* within about a second; false only of more than 280 code points."""
    if len(text) > _LONGEST or _occurrences(_MARK, text) > _MOST_MARKS:
        return False
    return "." not in text or sum(map(_cost, _WORD.findall(text))) <= _BUDGET


def weigh(text: str) -> int:
    """Weighted length: 1 for most alphabets, 2 for others and an emoji sequence, 23 for a link, after NFC.

    A text that is not affordable is weighed code point by code point; it is always over 280.
    """
    if not is_affordable(text):
        return 2 * len(text) - _occurrences(_LIGHT, text)
    return int(twitter_text.parse_tweet(_LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)).weightedLength)


def links(text: str) -> tuple[Link, ...]:
    """The links that X sees, bare domains of a known top level included; none where not affordable."""
    return _links(text, bare=True)


def links_with_scheme(text: str) -> tuple[Link, ...]:
    """The links that X sees and that begin with http:// or https://; none where not affordable."""
    return _links(text, bare=False)


def _links(text: str, *, bare: bool) -> tuple[Link, ...]:
    if not is_affordable(text):
        return ()
    found = twitter_text.extract_urls_with_indices(text, bare)
    return tuple(Link(entry["indices"][0], entry["indices"][1], with_scheme(entry["url"])) for entry in found)


def _cost(word: str) -> int:
    return len(word) * _occurrences(_START, word) + _PER_PAIR_OF_LABELS * _occurrences(_LABEL, word) ** 2


def _occurrences(pattern: regex.Pattern[str], text: str) -> int:
    return sum(1 for _ in pattern.finditer(text))
