"""Retention rules as TOML: read strictly, written in one fixed form."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

from approval.errors import BadDefinition, Problem
from approval.rules import PRODUCTS, REGIMES, ProductClass

MOST_BYTES = 64 * 1024
MOST_RULES = 80
MOST_YEARS = 100
MOST_CITATION = 300
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class RecordClass(StrEnum):
    """What kind of record a rule is about."""

    COMMUNICATION = "communication"
    DECISION = "decision"
    PROCEDURE = "procedure"
    REPORT = "report"
    COMPLAINT = "complaint"

    @property
    def label(self) -> str:
        """What the class is called on pages."""
        return _CLASSES[self][0]

    @property
    def covers(self) -> str:
        """What belongs to the class."""
        return _CLASSES[self][1]


_CLASSES = {
    RecordClass.COMMUNICATION: (
        "Retail communications",
        "A post with its revisions, images, evidence, comments, findings and publications; a record of another tool",
    ),
    RecordClass.DECISION: ("Supervisory decisions", "Who decided on a post, when, on which words, and why"),
    RecordClass.PROCEDURE: ("Procedures", "Every version of the workflow, of the rules and of these retention rules"),
    RecordClass.REPORT: ("Exports and reports", "Exports that were written, and lookbacks"),
    RecordClass.COMPLAINT: ("Complaints", "A customer's complaint, what was done about it and what was answered"),
}
_LATER = (RecordClass.COMPLAINT,)
"""Classes that rules written before there were such do not name: for these the shipped rules hold."""


class Clock(StrEnum):
    """The day from which a period counts."""

    LAST_USE = "last-use"
    FISCAL_YEAR = "fiscal-year"
    MADE = "made"

    @property
    def words(self) -> str:
        """The day as pages name it."""
        return _CLOCKS[self]


_CLOCKS = {
    Clock.LAST_USE: "last use",
    Clock.FISCAL_YEAR: "end of the fiscal year of last use",
    Clock.MADE: "the day it was made",
}


@dataclass(frozen=True, kw_only=True)
class Rule:
    """How long records of a class are kept: `years` after a day, None for good.

    Empty `regimes` mean every one; without `products` and `product_classes` every product is meant. `otherwise`: it
    holds where no other rule of the class does. `confirm`: counsel confirms it before anybody rests on it.
    """

    id: str
    of: RecordClass
    clock: Clock
    years: int | None
    citation: str
    as_of: date
    regimes: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    product_classes: frozenset[str] = frozenset()
    otherwise: bool = False
    confirm: bool = False

    @property
    def period(self) -> str:
        """How long, in words."""
        if self.years is None:
            return "for good"
        return f"{self.years} year{'s' * (self.years != 1)} after {self.clock.words}"


@dataclass(frozen=True)
class Retention:
    """The retention rules of a workspace. `fiscal_year_ends` is the month whose last day ends the fiscal year."""

    rules: tuple[Rule, ...]
    fiscal_year_ends: int = 12

    def of(self, kind: RecordClass) -> tuple[Rule, ...]:
        """Return the rules of a class, in order."""
        return tuple(rule for rule in self.rules if rule.of is kind)


# -- writing ----------------------------------------------------------------------------------------------------


def to_table(retention: Retention) -> dict[str, Any]:
    """Return the table that `retention_of` reads back."""
    return {
        "fiscal_year_ends": retention.fiscal_year_ends,
        "rules": [_rule_table(rule) for rule in retention.rules],
    }


def _rule_table(rule: Rule) -> dict[str, Any]:
    scope = {
        "regimes": sorted(rule.regimes, key=REGIMES.index),
        "products": sorted(rule.products),
        "product_classes": sorted(rule.product_classes),
        "otherwise": rule.otherwise,
    }
    return {
        "id": rule.id,
        "class": str(rule.of),
        **{key: value for key, value in scope.items() if value},
        "from": str(rule.clock),
        **({"forever": True} if rule.years is None else {"years": rule.years}),
        "citation": rule.citation,
        "as_of": rule.as_of,
        **({"confirm": True} if rule.confirm else {}),
    }


def table_to_toml(table: Mapping[str, Any]) -> str:
    """Write a table of `to_table`'s shape as TOML: equal rules give equal text."""
    lines = [f"fiscal_year_ends = {_written(table['fiscal_year_ends'])}"]
    for rule in table["rules"]:
        lines += ["", "[[rules]]", *(f"{key} = {_written(value)}" for key, value in rule.items())]
    return "\n".join(lines) + "\n"


def _written(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    # A JSON value is a TOML value here, but for DEL in strings (TOML 1.0, "String").
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


# -- reading ----------------------------------------------------------------------------------------------------


def parse_retention(source: str) -> Retention:
    """Read retention rules; BadDefinition names what is wrong, and where."""
    if len(source.encode()) > MOST_BYTES:
        raise _bad([Problem("", f"These rules are longer than {MOST_BYTES:,} bytes.")])
    try:
        table = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        raise _bad([Problem("", f"This is not TOML: {error}.")]) from error
    return retention_of(table)


def retention_of(table: Mapping[str, Any]) -> Retention:
    """Return the rules of a parsed table; BadDefinition says everything that is wrong with it."""
    problems = _unknown("", table, {"fiscal_year_ends", "rules"})
    month, given = table.get("fiscal_year_ends", 12), table.get("rules", [])
    if type(month) is not int or not 1 <= month <= 12:
        problems.append(Problem("fiscal_year_ends", "Choose the month, 1 to 12, whose last day ends the fiscal year."))
    if not isinstance(given, list) or not all(isinstance(rule, dict) for rule in given):
        raise _bad([*problems, Problem("rules", "Write each rule as a table of [[rules]].")])
    if len(given) > MOST_RULES:
        raise _bad([*problems, Problem("rules", f"There are {len(given)} rules; at most {MOST_RULES}.")])
    for number, rule in enumerate(given):
        problems += _problems(f"rules.{number}", rule)
    if problems:
        raise _bad(problems)
    rules = _completed(tuple(_rule(rule) for rule in given))
    if problems := _unfit(rules):
        raise _bad(problems)
    return Retention(rules, month)


def _completed(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """Add the shipped rules of later classes that none of *rules* is about."""
    missing = [kind for kind in _LATER if all(rule.of is not kind for rule in rules)]
    return (*rules, *(rule for rule in _later_rules() if rule.of in missing)) if missing else rules


@cache
def _later_rules() -> tuple[Rule, ...]:
    shipped = tomllib.loads(_shipped_source())["rules"]
    return tuple(rule for rule in map(_rule, shipped) if rule.of in _LATER)


def _shipped_source() -> str:
    return (Path(__file__).parent / "retention.toml").read_text()


def _bad(problems: Sequence[Problem]) -> BadDefinition:
    return BadDefinition(f"The retention rules cannot be read: {problems[0].what}", problems=tuple(problems))


def _rule(table: Mapping[str, Any]) -> Rule:
    return Rule(
        id=table["id"],
        of=RecordClass(table["class"]),
        clock=Clock(table["from"]),
        years=None if table.get("forever") else table["years"],
        citation=table["citation"].strip(),
        as_of=table["as_of"],
        regimes=frozenset(table.get("regimes", ())),
        products=frozenset(table.get("products", ())),
        product_classes=frozenset(table.get("product_classes", ())),
        otherwise=table.get("otherwise", False),
        confirm=table.get("confirm", False),
    )


_LISTS: Mapping[str, tuple[Sequence[str], str]] = {
    "regimes": (REGIMES, "regime"),
    "products": (tuple(PRODUCTS), "product"),
    "product_classes": (tuple(ProductClass), "class of products"),
}
_FLAGS = ("otherwise", "forever", "confirm")
_KEYS = {"id", "class", "from", "years", "citation", "as_of", *_LISTS, *_FLAGS}


def _problems(where: str, rule: Mapping[str, Any]) -> list[Problem]:
    found = _unknown(f"{where}.", rule, _KEYS)

    def wrong(key: str, what: str) -> None:
        found.append(Problem(f"{where}.{key}", what))

    id_, citation, as_of = rule.get("id"), rule.get("citation"), rule.get("as_of")
    if not isinstance(id_, str) or len(id_) > 60 or not _ID.fullmatch(id_):
        wrong("id", "Name the rule like uk-life: lower-case letters, digits and hyphens, at most 60.")
    if rule.get("class") not in tuple(RecordClass):
        wrong("class", f"Choose the class of record: {', '.join(RecordClass)}.")
    if rule.get("from") not in tuple(Clock):
        wrong("from", f"Choose from when it counts: {', '.join(Clock)}.")
    if not isinstance(citation, str) or not 0 < len(citation.strip()) <= MOST_CITATION or "\n" in citation:
        wrong("citation", f"Cite what the rule rests on, in one line of at most {MOST_CITATION} characters.")
    if type(as_of) is not date:
        wrong("as_of", "Give the day on which this was so, such as 2026-11-21.")
    for key in _FLAGS:
        if not isinstance(rule.get(key, False), bool):
            wrong(key, "Write true or false.")
    for key, (known, name) in _LISTS.items():
        values = rule.get(key, [])
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            wrong(key, "Write a list of words.")
        elif strange := [value for value in values if value not in known]:
            wrong(key, f"“{strange[0][:40]}” is no {name}; known are {', '.join(known)}.")
    years = rule.get("years")
    if rule.get("forever") is True:
        if years is not None:
            wrong("years", "Leave the years empty where records are kept for good.")
    elif type(years) is not int or not 1 <= years <= MOST_YEARS:
        wrong("years", f"Give whole years from 1 to {MOST_YEARS}, or keep it for good.")
    if rule.get("otherwise") is True and any(rule.get(key) for key in _LISTS):
        wrong("otherwise", "It holds where no other rule does, so it names no regime and no product.")
    return found


def _unknown(where: str, table: Mapping[str, Any], known: set[str]) -> list[Problem]:
    return [
        Problem(f"{where}{key[:60]}", f"“{key[:60]}” means nothing here; known are {', '.join(sorted(known))}.")
        for key in table
        if key not in known
    ]


def _unfit(rules: Sequence[Rule]) -> list[Problem]:
    """Say what is wrong between rules: a name used twice, a class whose records might be kept for no time at all."""
    ids = [rule.id for rule in rules]
    found = [
        Problem(f"rules.{number}.id", f"“{id_}” names two rules.")
        for number, id_ in enumerate(ids)
        if id_ in ids[:number]
    ]
    for kind in RecordClass:
        count = sum(rule.otherwise for rule in rules if rule.of is kind)
        if count != 1:
            found.append(
                Problem(
                    "rules",
                    f"The class {kind} needs exactly one rule for what no other covers (“otherwise”); it has {count}.",
                )
            )
    return found


SHIPPED = table_to_toml(to_table(parse_retention(_shipped_source())))
"""The rules that ship with the program, in their normal form: version 1 of every workspace."""
