"""Entries are found without reading the log."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine, create_engine

from approval.audit.queries.entries import Filter, _page
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


FILTERS = [
    (Filter(post=3), "ix_entry_log_post_index (log=? AND post=?)"),
    (Filter(post=3, before=10_000_000), "ix_entry_log_post_index (log=? AND post=? AND index<?)"),
    (Filter(actor="maria"), "ix_entry_log_actor_index (log=? AND actor=?)"),
    (Filter(kind="review.decided"), "ix_entry_log_kind_index (log=? AND kind=?)"),
    (Filter(kind="review.decided", post=3), "ix_entry_log_post_index (log=? AND post=?)"),
]


@pytest.mark.parametrize(("wanted", "by"), FILTERS)
def test_a_filter_is_answered_from_its_index(engine: Engine, wanted: Filter, by: str) -> None:
    found = plan(engine, _page("northwind", wanted))
    assert f"INDEX {by}" in found and "PRIMARY KEY" not in found and "TEMP B-TREE" not in found


def test_control_who_is_not_told_that_logs_are_long_reads_them_whole(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM sqlite_stat1")
    engine.dispose()
    assert "PRIMARY KEY (log=?)" in plan(engine, _page("northwind", Filter(kind="review.decided")))
