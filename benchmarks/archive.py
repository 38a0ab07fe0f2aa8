"""A workspace with many published posts, to look back on.

One post goes all the way through the services; the others are copies of its rows with words of their own, written by
SQLite beside the program, in seconds instead of hours. Lookbacks read publications, revisions, rounds and screenings
and nothing else of a post, so only these are copied; the log knows the first post alone.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import structlog
from factories import a_firm, an_approved_post
from texts import generated

from approval import settings as environment
from approval.audit.models.keys import Keys
from approval.db import connect, schema, transaction
from approval.publishing import services as publishing
from approval.publishing.jobs import publish_due
from approval.rules import Facts, load_packs

FIRST_DAY, DAYS = datetime(2025, 1, 1, 12, tzinfo=UTC), 200
WORDS = 400
"""Different texts; each post has a title of its own."""
NEW = 100
"""Of so many posts one was published with nothing found, so that what it says is new to the lookback."""
TOGETHER = 5_000
CHANNEL = "site"
_TABLES = ("post", "revision", "submission", "screening", "publication")

Row = dict[str, Any]


def fill(folder: str, publications: int) -> None:
    """Make the workspace `northwind` in the data folder: so many publications over some days, and one of today."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    settings = environment.load({"APPROVAL_DATA": folder})
    schema.upgrade(settings.database_url)
    connect(settings.database_url)
    firm = a_firm(Keys(settings.keys))
    with transaction() as session:
        post = an_approved_post(session, firm, channel=CHANNEL)
        publishing.publish_now(session, post, by=firm.publisher)
    publish_due(settings, "bench")
    with closing(sqlite3.connect(settings.data / "approval.db")) as database:
        database.row_factory = sqlite3.Row
        model = {table: dict(database.execute(f"SELECT * FROM {table}").fetchone()) for table in _TABLES}
        known = list(_screened())
        for start in range(0, publications, TOGETHER):
            numbers = range(start, min(start + TOGETHER, publications))
            copies = [_copy(model, number + 2, *known[number % WORDS]) for number in numbers]
            for number, copy in zip(numbers, copies, strict=True):
                at = FIRST_DAY + timedelta(days=DAYS) * number / publications
                copy["publication"]["published_at"] = at.strftime("%Y-%m-%d %H:%M:%S.%f")
            _insert(database, copies)


def _screened() -> Iterator[tuple[str, str]]:
    """Texts, and what the shipped rules find in each of them."""
    rules = load_packs()
    facts = Facts(channel="linkedin", regime="us-bank", entity_type="bank")
    for text, _ in generated(WORDS):
        yield text, json.dumps([finding.as_json() for finding in rules.check_facts(text, facts)])


def _copy(model: Mapping[str, Row], number: int, text: str, findings: str) -> Mapping[str, Row]:
    said = {**json.loads(model["revision"]["payload"]), "title": f"Post {number}", "texts": {CHANNEL: text}}
    payload = json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    digest = hashlib.sha256(payload.encode()).hexdigest()
    changes: dict[str, Row] = {
        "post": {"revision": digest},
        "revision": {"post": number, "digest": digest, "title": said["title"], "payload": payload},
        "submission": {"post": number, "revision": digest},
        "screening": {"revision": digest, "findings": "[]" if number % NEW == 0 else findings},
        "publication": {"post": number, "submission": number, "revision": digest, "message": f"bench-{number}"},
    }
    return {table: {**model[table], **changes[table], "id": number} for table in _TABLES}


def _insert(database: sqlite3.Connection, posts: list[Mapping[str, Row]]) -> None:
    with database:
        for table in _TABLES:
            columns = posts[0][table]
            names = ", ".join(f'"{column}"' for column in columns)
            marks = ", ".join(f":{column}" for column in columns)
            database.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", [post[table] for post in posts])
