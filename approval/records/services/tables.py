"""Copies for a spreadsheet, which must never take a cell for a formula."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from approval import clock
from approval.db import Session
from approval.records.queries.register import REGISTER_COLUMNS
from approval.records.queries.roll import Somebody
from approval.records.queries.selection import entries_at
from approval.records.rendering import headings, in_text
from approval.records.services.archive import Archive

# What spreadsheets begin a formula with, and full-width forms that some fold to it (OWASP, "CSV Injection").
_FORMULA = tuple("=+-@\t\r\n\0＝＋－＠")
_as_json = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode
_ENTRY_COLUMNS = (
    "log", "index", "at_utc", "at_local", "kind", "actor", "name", "along", "post", "act", "request", "facts",
)  # fmt: skip
_PEOPLE_COLUMNS = ("id", "name", "email", "roles_in_period", "account_made", "account_closed")


def safe(value: Any) -> str:
    """Return a cell's text, kept from being taken for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def rows_to_csv(rows: Iterable[Sequence[Any]]) -> bytes:
    """Write rows as CSV (RFC 4180), every cell quoted and none a formula."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerows([safe(cell) for cell in row] for row in rows)
    return out.getvalue().encode()


def write_entries_csv(
    archive: Archive,
    session: Session,
    logs: Mapping[str, Sequence[int]],
    *,
    name: Callable[[str], str],
    zone: str,
) -> None:
    """Write entries.csv: the included entries of every log, without the images."""
    here = clock.zone_named(zone)
    with archive.member("entries.csv") as write:
        write(rows_to_csv([_ENTRY_COLUMNS]))
        for log, indexes in logs.items():
            for batch in entries_at(session, log, indexes):
                write(
                    rows_to_csv(
                        (
                            log,
                            entry.index,
                            clock.to_text(entry.at),
                            entry.at.astimezone(here).isoformat(timespec="seconds"),
                            entry.kind,
                            entry.actor,
                            name(entry.actor),
                            body["along"],
                            entry.post,
                            body["act"],
                            body["request"],
                            _as_json(body["facts"]),
                        )
                        for entry in batch
                        for body in (json.loads(entry.body),)
                    )
                )


def register_headings(zone: str) -> bytes:
    """Return the first line of posts.csv."""
    return rows_to_csv([headings(REGISTER_COLUMNS, zone)])


def register_lines(rows: Iterable[Sequence[Any]], zone: str) -> bytes:
    """Return lines of posts.csv: a row of REGISTER_COLUMNS for each post."""
    return rows_to_csv(list(in_text(REGISTER_COLUMNS, row, zone)) for row in rows)


def write_people(archive: Archive, people: Sequence[Somebody]) -> None:
    """Write people.csv and people.json: the ids of the entries and who stands behind them."""
    rows = [(p.id, p.name, p.email, _roles(p), _instant(p.added), _instant(p.disabled)) for p in people]
    archive.add("people.csv", rows_to_csv([_PEOPLE_COLUMNS, *rows]))
    document = [
        {
            "id": p.id,
            "name": p.name,
            "email": p.email,
            "account_made": _instant(p.added),
            "account_closed": _instant(p.disabled),
            "roles": [{"role": h.role, "since": _instant(h.since), "until": _instant(h.until)} for h in p.roles],
        }
        for p in people
    ]
    archive.add("people.json", (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())


def _roles(person: Somebody) -> str:
    return "; ".join(
        f"{held.role} from {_instant(held.since)}" + (f" until {_instant(held.until)}" if held.until else "")
        for held in person.roles
    )


def _instant(instant: Any) -> str | None:
    return None if instant is None else clock.to_text(instant)
