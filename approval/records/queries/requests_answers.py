"""What answers an item of a letter: tables, case files, procedures; the same for the page and for the bundle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from approval import clock
from approval.db import Session
from approval.people.queries import WorkspaceFacts
from approval.records.models import ItemKind
from approval.records.queries import requests_tables as tables
from approval.records.queries.requests import Asks, ItemFacts
from approval.records.queries.requests_posts import (
    POST_COLUMNS,
    Candidate,
    count_published,
    draw,
    post_rows,
    published,
    riskiest,
)
from approval.records.queries.requests_procedures import versions_in_force
from approval.records.queries.selection import Period
from approval.records.rendering import Column, Sort, Table

SHOWN = 5
MOST_COUNTED = 200
MOST_TOLD = 20_000
"""Publications that a page counts."""
MOST_DRAWN = 2_000
"""Publications from which a page draws a sample while somebody waits; of more, the worker draws it."""
LABELS = {
    ItemKind.ACCOUNTS: "Accounts and first-use dates",
    ItemKind.PEOPLE: "Who may post and approve",
    ItemKind.PROCEDURES: "Written procedures in force on a day",
    ItemKind.POSTS: "All posts with approver and approval date",
    ItemKind.RANDOM: "A random sample of posts",
    ItemKind.RISKIEST: "The riskiest posts",
    ItemKind.COMPLAINTS: "Complaints and take-downs",
    ItemKind.EXCEPTIONS: "Exceptions accepted",
    ItemKind.OVERRIDES: "Findings called false alarms",
    ItemKind.CASES: "The case files of given posts",
    ItemKind.PROOF: "The log's proof",
    ItemKind.NOTE: "Something else, answered by a file",
}


_NAMES = {
    "accounts": "account",
    "people": "role",
    "posts": "publication",
    "sample": "sampled publication",
    "complaints": "complaint",
    "take-downs": "take-down",
    "exceptions": "exception",
    "false-alarms": "false alarm",
}


@dataclass(frozen=True)
class Answer:
    """Tables by the name of their files, and the posts whose case files belong to the answer."""

    tables: tuple[tuple[str, Table], ...] = ()
    cases: tuple[int, ...] = ()


@dataclass(frozen=True)
class Preview:
    """An answer as the page shows it: what is said of it, the first rows, and how many there are (`more`: at least)."""

    said: str
    headings: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def answer(session: Session, facts: WorkspaceFacts, period: Period, item: ItemFacts) -> Answer:
    """Return what answers an item in tables and case files; rows are read as they are asked for."""
    name = facts.name
    match item.kind:
        case ItemKind.ACCOUNTS:
            return Answer((("accounts", tables.accounts(session, name, period)),))
        case ItemKind.PEOPLE:
            return Answer((("people", tables.who(session, name, period)),))
        case ItemKind.POSTS:
            return Answer((("posts", _posts(session, name, period, item)),))
        case ItemKind.RANDOM | ItemKind.RISKIEST:
            return _sample(session, name, period, item)
        case ItemKind.COMPLAINTS:
            found = tables.complaints(session, name, period), tables.take_downs(session, name, period)
            return Answer((("complaints", found[0]), ("take-downs", found[1])))
        case ItemKind.EXCEPTIONS:
            return Answer((("exceptions", tables.exceptions(session, name, period)),))
        case ItemKind.OVERRIDES:
            return Answer((("false-alarms", tables.overrides(session, name, period)),))
        case ItemKind.CASES:
            return Answer(cases=item.asks.posts)
        case _:
            return Answer()


def _posts(session: Session, name: str, period: Period, item: ItemFacts) -> Table:
    ids = (one.id for one in published(session, name, period, item.asks))
    return Table(
        POST_COLUMNS,
        post_rows(session, name, ids),
        (
            f"Every publication of {period.first} to {period.last}, both days included, in {period.zone}"
            f"{limits(item)}, with whoever approved exactly these words.",
            "The worst finding is that of the rules which were in force when the words were submitted.",
        ),
    )


def _sample(session: Session, name: str, period: Period, item: ItemFacts) -> Answer:
    chosen = drawn(published(session, name, period, item.asks), item)
    how = (
        f"Drawn with the seed “{item.asks.seed}”: of all publications, the {item.asks.count} whose SHA-256 of "
        f"“{item.asks.seed}:”, followed by the publication's number, is smallest. Anybody can draw them again."
        if item.kind is ItemKind.RANDOM
        else f"The {item.asks.count} with the gravest finding in the words that were approved; the newest first."
    )
    table = Table(
        POST_COLUMNS,
        post_rows(session, name, [one.id for one in chosen]),
        (f"From every publication of {period.first} to {period.last} in {period.zone}{limits(item)}.", how),
    )
    return Answer((("sample", table),), tuple(sorted({one.post for one in chosen})))


def drawn(candidates: Iterable[Candidate], item: ItemFacts) -> list[Candidate]:
    """Return the sample that an item asks for."""
    return (draw if item.kind is ItemKind.RANDOM else riskiest)(candidates, item.asks)


def limits(item: ItemFacts) -> str:
    """Say what an item is limited to, if anything."""
    parts = [f"about {item.asks.product}"] if item.asks.product else []
    parts += [f"on {item.asks.channel}"] if item.asks.channel else []
    return f", only those {' and '.join(parts)}" if parts else ""


def preview(session: Session, facts: WorkspaceFacts, period: Period, item: ItemFacts) -> Preview:
    """Return an item's answer as it stands now: how much there is, and the first rows."""
    match item.kind:
        case ItemKind.NOTE:
            return Preview("A file answers it." if item.file_kind else "Nothing answers it yet: put in a file.")
        case ItemKind.PROOF:
            return Preview("The bundle holds the entries with their proofs, a checkpoint, and two verifiers.")
        case ItemKind.CASES:
            return Preview(_many(len(item.asks.posts), "case file") + ", each as a story and as raw events.")
        case ItemKind.PROCEDURES:
            assert item.asks.on is not None, "an item about procedures names its day"
            versions = versions_in_force(session, facts.name, facts.zone, item.asks.on)
            return Preview("; ".join(versions) + "." if versions else "Nothing was in force on this day.")
        case ItemKind.POSTS | ItemKind.RANDOM | ItemKind.RISKIEST:
            count = count_published(session, facts.name, period, most=MOST_TOLD)
            told = f"{count:,}{' or more' * (count == MOST_TOLD)} publication{'s' * (count != 1)}"
            if count > MOST_DRAWN and (item.kind is not ItemKind.POSTS or item.asks.product):
                return Preview(f"{told} in these days: the worker chooses from them.")
            if item.kind is ItemKind.POSTS and item.asks == Asks():
                (_, table), *_ = answer(session, facts, period, item).tables
                return _shown(f"{told}.", table.columns, list(islice(table.rows, SHOWN)), facts.zone)
    return _previewed(answer(session, facts, period, item), facts.zone)


def _previewed(found: Answer, zone: str) -> Preview:
    read = [(what, table.columns, list(islice(table.rows, MOST_COUNTED))) for what, table in found.tables]
    said = "; ".join(_many(len(rows), _NAMES[what]) for what, _, rows in read) + "."
    columns, rows = next(((columns, rows) for _, columns, rows in read if rows), ((), []))
    return _shown(said[:1].upper() + said[1:], columns, rows[:SHOWN], zone)


def _shown(said: str, columns: Sequence[Column], rows: Sequence[Sequence[Any]], zone: str) -> Preview:
    chosen = [place for place, column in enumerate(columns) if column.brief]
    cells = tuple(tuple(_cell(columns[place], row[place], zone) for place in chosen) for row in rows)
    return Preview(said, tuple(columns[place].name for place in chosen) if cells else (), cells)


def _cell(column: Column, value: Any, zone: str) -> str:
    if value is None:
        return ""
    return clock.local(value, zone) if column.sort is Sort.INSTANT else str(value)


def _many(count: int, what: str) -> str:
    if count >= MOST_COUNTED:
        return f"{MOST_COUNTED:,} or more {what}s"
    return f"{count:,} {what}{'s' * (count != 1)}" if count else f"no {what} recorded"
