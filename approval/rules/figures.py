"""Numbers as people write them in posts: percentages, money, multiples and periods, in digits and in words."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum

from .needed import Word
from .pattern import Expressions


class Sort(StrEnum):
    """What a number counts."""

    PERCENT = "percent"
    MONEY = "money"
    MULTIPLE = "multiple"
    PERIOD = "period"


_UNITS = {
    "zero": 0, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16,
    "seventeen": 17, "eighteen": 18, "nineteen": 19,
}  # fmt: skip
_TENS = {
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90,
}  # fmt: skip
_SCALES = {"hundred": 100, "thousand": 1_000, "million": 1_000_000, "billion": 1_000_000_000}
_SHORT = {"k": 1_000, "grand": 1_000, "m": 1_000_000, "mn": 1_000_000, "bn": 10**9, "b": 10**9, **_SCALES}
_WORD = "|".join((*_UNITS, *_TENS, *_SCALES))
_IN_WORDS = rf"(?:{_WORD})(?:[ -](?:and |point )?(?:{_WORD})){{0,8}}"
_NUMBER = rf"(?:\d[\d,]*(?:\.\d+)?|{_IN_WORDS})"
_SCALE = "(?: ?(?:k|m|mn|bn|b|hundred|thousand|million|billion)\\b)?"
_SPELLED = {
    Sort.PERCENT: rf"{_NUMBER}[ -]?(?:%|per ?cent\b|pct\b|percentage points?\b|bps\b|basis points?\b)",
    Sort.MONEY: rf"(?:us|a|au|c|nz)?[$\x{{a3}}\x{{20ac}}] ?{_NUMBER}{_SCALE}|"
    rf"{_NUMBER}{_SCALE} (?:dollars?|pounds?|euros?|quid|bucks|grand|usd|gbp|eur|aud)\b",
    Sort.MULTIPLE: rf"{_NUMBER}(?:x\b|[ -]?fold\b| times\b)",
    Sort.PERIOD: rf"{_NUMBER}[ -](?:days?|weeks?|months?|quarters?|years?|yrs?|decades?)\b",
}
_NEEDED = {
    Sort.PERCENT: ("%", "cent", "pct", "percentage", "bps", "basis"),
    Sort.MONEY: ("$", "£", "€", "dollar", "pound", "euro", "quid", "bucks", "grand", "usd", "gbp", "eur", "aud"),
    Sort.MULTIPLE: ("x", "fold", "times"),
    Sort.PERIOD: ("day", "week", "month", "quarter", "year", "yr", "decade"),
}
_BASIS_POINTS = re.compile(r"bps\b|basis points?\b")
_DECIMAL_COMMA = re.compile(r"\d+,\d{1,2}")
_DIGITS = re.compile(r"\d[\d,]*(?:\.\d+)?")


def figures(sorts: Iterable[Sort]) -> Expressions:
    """What finds the numbers of some sorts."""
    sorts = tuple(sorts)
    spelled = [_SPELLED[sort] if sort is Sort.MONEY else rf"\b(?:{_SPELLED[sort]})" for sort in sorts]
    return Expressions(spelled, needs=[frozenset({frozenset(map(Word, _NEEDED[sort]))}) for sort in sorts])


def value_of(written: str) -> float | None:
    """The number that is written: “$1.5m” is 1500000, “two and a half per cent” 2; None where there is none."""
    text = written.lower()
    digits = _DIGITS.search(text)
    part = 100 if _BASIS_POINTS.search(text) else 1
    if digits is None:
        spoken = _spoken(re.findall(r"[a-z]+", text))
        return spoken if spoken is None else spoken / part
    number = digits.group()
    # “7,2” is how half of Europe writes seven and a fifth; thousands come in threes.
    value = float(number.replace(",", "." if _DECIMAL_COMMA.fullmatch(number) else ""))
    scale = re.match(r" ?([a-z]+)", text[digits.end() :])
    return value / part * (_SHORT.get(scale.group(1), 1) if scale else 1)


def _spoken(words: list[str]) -> float | None:
    """The value of number words; “point” begins decimals."""
    total = part = 0.0
    seen, decimals = False, 0
    for word in words:
        if word == "point":
            decimals = 1
        elif (value := _UNITS.get(word, _TENS.get(word))) is not None:
            part += value / 10**decimals if decimals else value
            decimals += decimals > 0
            seen = True
        elif word == "grand":
            total, part = (total + part) * 1_000, 0.0
        elif word == "hundred":
            part, seen = (part or 1) * 100, True
        elif word in _SCALES:
            total, part, seen = total + (part or 1) * _SCALES[word], 0.0, True
    return total + part if seen else None
