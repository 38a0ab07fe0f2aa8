"""Entries are found without reading the log."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, create_engine, select

from approval.audit.models import Entry
from approval.audit.queries.entries import Filter, _found_by
from approval.db import schema


@pytest.fixture
def engine(tmp_path):
    url = f"sqlite:///{tmp_path / 'approval.db'}"
    schema.upgrade(url)
    made = create_engine(url)
    yield made
    made.dispose()


def plan(engine: Engine, query: Any) -> str:
    text = query.compile(engine, compile_kwargs={"literal_binds": True})
    with engine.connect() as connection:
        return str(connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}").all())


@pytest.mark.parametrize(
    ("wanted", "by"),
    [
        (Filter(post=3), "ix_entry_log_post_index (log=? AND post=? AND index<?)"),
        (Filter(actor="maria"), "ix_entry_log_actor_index (log=? AND actor=? AND index<?)"),
        (Filter(kind="review.decided"), "ix_entry_log_kind_index (log=? AND kind=? AND index<?)"),
        (Filter(kind="review.decided", post=3), "ix_entry_log_post_index (log=? AND post=? AND index<?)"),
    ],
)
def test_a_filter_is_answered_from_its_index(engine: Engine, wanted: Filter, by: str) -> None:
    query, index = _found_by("northwind", wanted)
    found = plan(engine, query.where(index < 10_000_000).order_by(index.desc()).limit(50))
    assert f"COVERING INDEX {by}" in found and "PRIMARY KEY (log=? AND index=?)" in found
    assert "TEMP B-TREE" not in found


def test_control_asked_for_at_once_a_log_is_read_whole(engine: Engine) -> None:
    at_once = select(Entry.index, Entry.body).where(Entry.log == "northwind", Entry.kind == "review.decided")
    assert "PRIMARY KEY (log=?)" in plan(engine, at_once.order_by(Entry.index.desc()).limit(50))
