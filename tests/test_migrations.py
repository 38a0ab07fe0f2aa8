"""Migrations go forward on databases that are in use."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from conftest import administering
from sqlalchemy import create_engine, make_url, text

from approval.db import Base, schema

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
        connection.execute(
            text(
                "INSERT INTO workspace (name, title, regime, entity_type, zone, created_at, settings) "
                "VALUES ('bank', 'Bank', 'us-bank', 'bank', 'UTC', '2026-11-21 09:00:00', '{}')"
            )
        )
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


def test_the_migrations_make_what_the_models_say(empty: str) -> None:
    schema.upgrade(empty)
    engine = create_engine(schema.plain_url(empty))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        differences = compare_metadata(context, Base.metadata)
    engine.dispose()
    assert not differences
