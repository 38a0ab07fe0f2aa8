"""Migrations go forward on databases that are in use."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from conftest import administering
from sqlalchemy import create_engine, insert, make_url, select, text
from sqlalchemy.exc import DBAPIError

from approval.audit.models import Watch
from approval.db import Base, schema
from approval.posts.models import Media

A_WORKSPACE = (
    "INSERT INTO workspace (name, title, regime, entity_type, zone, created_at, settings) "
    "VALUES ('bank', 'Bank', 'us-bank', 'bank', 'UTC', '2026-11-21 09:00:00', '{}')"
)
FINDINGS = ([{"rule": "PRO110"}, {"rule": "PRO110"}, {"rule": "URG101"}], [{"rule": "PRO110"}, {"rule": "ENG000"}], [])


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path) -> Iterator[str]:
    """The URL of a database without a table, once for each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'approval.db'}"
        return
    url = make_url(request.getfixturevalue("postgres_admin"))
    name = f"test_{secrets.token_hex(6)}"
    with administering(url) as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    yield url.set(database=name).render_as_string(hide_password=False)
    with administering(url) as connection:
        connection.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


def test_what_rules_found_before_they_were_counted_is_counted_once(empty: str) -> None:
    schema.upgrade(empty, "0002")
    engine = create_engine(schema.plain_url(empty))
    with engine.begin() as connection:
        connection.execute(text(A_WORKSPACE))
        for number, findings in enumerate(FINDINGS):
            connection.execute(
                text(
                    "INSERT INTO screening (workspace, revision, rule_set, findings, worst, at) "
                    "VALUES ('bank', :revision, :rule_set, :findings, 'block', '2026-11-21 09:00:00')"
                ),
                {"revision": f"{number:02x}" * 32, "rule_set": "12" * 32, "findings": json.dumps(findings)},
            )
    schema.upgrade(empty)
    with engine.begin() as connection:
        counted = connection.execute(text("SELECT workspace, rule, hits, shadows, dismissed FROM rule_tally")).all()
        assert connection.execute(text("SELECT count(*) FROM screening")).scalar() == len(FINDINGS)
    engine.dispose()
    assert sorted(counted) == [("bank", "PRO110", 2, 0, 0), ("bank", "URG101", 1, 0, 0)]


AN_IMAGE = {
    "workspace": "bank",
    "digest": bytes(32),
    "kind": "image/png",
    "width": 40,
    "height": 30,
    "size": 3,
    "source": bytes(32),
    "data": b"PNG",
    "added_by": "maria",
    "added_at": datetime(2026, 11, 21, 9, tzinfo=UTC),
}
"""A row of 0004, where nobody read images."""


def test_images_that_were_there_before_are_images_that_nobody_read(empty: str) -> None:
    schema.upgrade(empty, "0004")
    engine = create_engine(schema.plain_url(empty))
    with engine.begin() as connection:
        connection.execute(text(A_WORKSPACE))
        connection.execute(insert(Media.__table__).values(**AN_IMAGE))
    schema.upgrade(empty)
    with engine.begin() as connection:
        kept = connection.execute(select(Media.__table__)).mappings().one()
    engine.dispose()
    assert dict(kept) == {**AN_IMAGE, "words": None, "read_by": None}


def test_logs_of_before_are_watched_from_now_on(empty: str) -> None:
    schema.upgrade(empty, "0006")
    engine = create_engine(schema.plain_url(empty))
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO log (name, origin, vkey, size) VALUES ('bank', 'bank', 'key', 0)"))
    schema.upgrade(empty)
    with engine.begin() as connection:
        watched = connection.execute(select(Watch.log, Watch.since, Watch.good_at)).one()
        connection.execute(text("INSERT INTO anchor VALUES ('bank', 1, 'rfc3161', '', '2026-11-21 09:00:00')"))
    for statement in ("UPDATE anchor SET size = 2", "DELETE FROM anchor"):
        with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
            connection.execute(text(statement))
    engine.dispose()
    assert (watched.log, watched.good_at) == ("bank", None)
    assert watched.since > datetime(2026, 11, 21, tzinfo=UTC), "nobody is late on the first day"


def test_what_places_outside_answered_is_never_changed(empty: str) -> None:
    schema.upgrade(empty)
    engine = create_engine(schema.plain_url(empty))
    at = "2026-11-21 09:00:00"
    with engine.begin() as connection:
        connection.execute(text(f"INSERT INTO cosignature VALUES ('bank', 1, 'auditor', 'line', '{at}')"))
        connection.execute(
            text(f"INSERT INTO worm_copy VALUES ('bank', 'checkpoint/1', 'v', '{'0' * 64}', '{at}', '{at}')")
        )
    for table in ("cosignature", "worm_copy"):
        for statement in (f"UPDATE {table} SET at = '{at}'", f"DELETE FROM {table}"):
            with pytest.raises(DBAPIError, match="never changed"), engine.begin() as connection:
                connection.execute(text(statement))
    engine.dispose()


def test_the_migrations_make_what_the_models_say(empty: str) -> None:
    schema.upgrade(empty)
    engine = create_engine(schema.plain_url(empty))
    with engine.connect() as connection:
        options = {"compare_type": True, "include_object": _is_modelled(connection.dialect.name)}
        context = MigrationContext.configure(connection, opts=options)
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert not differences


def _is_modelled(dialect: str) -> Callable[..., bool]:
    """Full text search is a GIN index, which the models name; on SQLite it is tables of FTS5, which they cannot."""

    def included(_object: object, name: str | None, *_rest: object) -> bool:
        return dialect != "sqlite" or not (name or "").startswith(("passage_words", "ix_passage_words"))

    return included
