"""No witnessed row changes without an entry, whatever the way in."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass

import pytest
from sqlalchemy import ForeignKey, String, create_engine, delete, event, insert, inspect, select, text, update
from sqlalchemy.dialects import postgresql, sqlite as sqlite_dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from approval.audit.events import Event
from approval.audit.models import WITNESSED, Entry, Witnessed
from approval.audit.queries.replaying import replay
from approval.audit.services import recording
from approval.audit.services.recording import record
from approval.db import INSERT_ONLY, Base, Session, reading, transaction
from approval.errors import AuditFault
from approval.people.events import PersonChanged
from approval.people.models import Person, Team


@dataclass(frozen=True, kw_only=True)
class Shelved(Event, kind="test.shelved"):
    """Something was put on a shelf."""


class Shelves(DeclarativeBase):
    """Tables of this test alone, with the relationships that the product's tables do without."""


class Shelf(Witnessed, Shelves):
    __tablename__ = "shelf"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(String(63))
    name: Mapped[str] = mapped_column(String(20), server_default="unnamed")
    books: Mapped[list[Book]] = relationship(cascade="all, delete-orphan", back_populates="shelf")


class Book(Witnessed, Shelves):
    __tablename__ = "book"

    id: Mapped[int] = mapped_column(primary_key=True)
    workspace: Mapped[str] = mapped_column(String(63))
    shelf_id: Mapped[int | None] = mapped_column(ForeignKey("shelf.id"))
    shelf: Mapped[Shelf | None] = relationship(back_populates="books")


@pytest.fixture
def shelf(firm, owner_url) -> int:
    # The guarded engine makes no tables, so another one does.
    plain = create_engine(owner_url)
    Shelves.metadata.create_all(plain)
    plain.dispose()
    with transaction() as session:
        made = Shelf(workspace="northwind", books=[Book(workspace="northwind")])
        session.add(made)
        record(session, Shelved(by="t", workspace="northwind"), made, made.books[0])
        session.flush()
        return made.id


def entries(session: Session, kind: str) -> list[dict]:
    bodies = session.scalars(select(Entry.body).where(Entry.kind == kind).order_by(Entry.index))
    return [json.loads(body) for body in bodies]


def test_a_change_without_an_entry_is_refused_and_rolled_back(firm):
    with pytest.raises(AuditFault, match=r"changed without an entry: Person"), transaction() as session:
        session.get_one(Person, firm.marketer.id).name = "Somebody Else"

    with reading() as session:
        assert session.get_one(Person, firm.marketer.id).name == "Maria"


def test_without_the_guard_the_silent_change_would_stand(firm, monkeypatch):
    """The negative control of the test above."""
    monkeypatch.setattr(recording, "_ensure_explained", lambda ledger: None)
    with transaction() as session:
        session.get_one(Person, firm.marketer.id).name = "Somebody Else"

    with reading() as session:
        assert session.get_one(Person, firm.marketer.id).name == "Somebody Else"
        assert [d.column for d in replay(session, "installation")] == ["name"]


def test_a_change_and_its_entry_are_kept_together(firm):
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        person.name = "Maria M."
        record(session, PersonChanged(by="t", person=person.id), person)

    with reading() as session:
        assert session.get_one(Person, firm.marketer.id).name == "Maria M."
        assert len(entries(session, "person.changed")) == 1
        assert list(replay(session, "installation")) == []


def test_a_change_and_its_entry_are_lost_together(firm):
    with pytest.raises(RuntimeError), transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        person.name = "Maria M."
        record(session, PersonChanged(by="t", person=person.id), person)
        session.flush()
        raise RuntimeError("the act failed")

    with reading() as session:
        assert session.get_one(Person, firm.marketer.id).name == "Maria"
        assert entries(session, "person.changed") == []


def test_an_entry_for_one_row_does_not_excuse_another(firm):
    with pytest.raises(AuditFault, match="changed without an entry"), transaction() as session:
        maria, ruth = (session.get_one(Person, a.id) for a in (firm.marketer, firm.reviewer))
        maria.name, ruth.name = "A", "B"
        record(session, PersonChanged(by="t", person=maria.id), maria)


def test_a_ghost_event_explains_nothing(firm):
    with pytest.raises(AuditFault, match="without having changed"), transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        record(session, PersonChanged(by="t", person=person.id), person)


def test_setting_the_same_value_is_no_change(firm):
    with pytest.raises(AuditFault, match="without having changed"), transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        person.name = "Maria"
        record(session, PersonChanged(by="t", person=person.id), person)


def test_a_change_after_record_is_in_the_image(firm):
    with transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        person.name = "First"
        record(session, PersonChanged(by="t", person=person.id), person)
        session.flush()
        person.name = "Second"

    with reading() as session:
        assert list(replay(session, "installation")) == []


def test_a_write_after_the_entries_is_refused(firm, database):
    def meddle(session: Session) -> None:
        session.get_one(Person, firm.marketer.id).name = "Late"

    event.listen(Session, "before_commit", meddle)
    try:
        with pytest.raises(AuditFault, match="after the entries"), transaction() as session:
            session.get_one(Person, firm.marketer.id)
    finally:
        event.remove(Session, "before_commit", meddle)


def test_the_key_of_a_witnessed_row_does_not_change(firm):
    with pytest.raises(AuditFault, match="key of a witnessed row"), transaction() as session:
        person = session.get_one(Person, firm.marketer.id)
        person.id = "somebody"
        record(session, PersonChanged(by="t", person="somebody"), person)


def test_a_row_that_is_appended_to_a_relationship_is_noticed(shelf):
    with pytest.raises(AuditFault, match="Book"), transaction() as session:
        row = session.get_one(Shelf, shelf)
        row.books.append(Book(workspace="northwind"))


def test_a_row_that_loses_its_parent_is_noticed(shelf):
    with pytest.raises(AuditFault, match="Book"), transaction() as session:
        row = session.get_one(Shelf, shelf)
        row.books = []


def test_rows_that_a_cascade_deletes_are_noticed(shelf):
    with pytest.raises(AuditFault, match="Book"), transaction() as session:
        row = session.get_one(Shelf, shelf)
        session.delete(row)
        record(session, Shelved(by="t", workspace="northwind"), row)


def test_a_deleted_row_leaves_an_empty_image(shelf):
    with transaction() as session:
        row = session.get_one(Shelf, shelf)
        books = list(row.books)
        session.delete(row)
        record(session, Shelved(by="t", workspace="northwind"), row, *books)

    with reading() as session:
        assert [row["image"] for row in entries(session, "test.shelved")[-1]["rows"]] == [None, None]


def test_defaults_of_the_server_are_in_the_image(shelf):
    with reading() as session:
        assert entries(session, "test.shelved")[0]["rows"][0]["image"]["name"] == "unnamed"


CORE = {
    "update": lambda: update(Person).values(name="x"),
    "delete": lambda: delete(Team),
    "insert": lambda: insert(Team).values(workspace="northwind", name="x"),
    "table update": lambda: update(Person.__table__).values(name="x"),
    "insert from select": lambda: insert(Team).from_select(["workspace", "name"], select(Team.workspace, Team.name)),
    "update in a CTE": lambda: select(update(Person).values(name="x").returning(Person.id).cte("changed")),
    "text": lambda: text("UPDATE person SET name = 'x'"),
    "text in a CTE": lambda: text("WITH gone AS (DELETE FROM team RETURNING id) SELECT * FROM gone"),
    "text after a comment": lambda: text("/* SELECT */ UPDATE person SET name = 'x'"),
    "two statements in a text": lambda: text("SELECT 1; DELETE FROM team"),
    "text inside a select": lambda: select(text("1")).where(text("EXISTS (DELETE FROM team RETURNING 1)")),
}


@pytest.mark.parametrize("statement", CORE.values(), ids=CORE)
def test_no_statement_writes_a_witnessed_table_outside_a_flush(firm, statement):
    with pytest.raises(AuditFault), transaction() as session:
        session.execute(statement())

    with reading() as session:
        assert all(list(replay(session, log)) == [] for log in ("installation", "northwind"))


def test_a_driver_string_may_not_write(firm):
    with pytest.raises(AuditFault, match="may only read"), transaction() as session:
        session.connection().exec_driver_sql("UPDATE person SET name = 'x'")


def test_bulk_saves_do_not_pass_unseen(firm):
    with pytest.raises(AuditFault), transaction() as session:
        session.bulk_save_objects([Team(workspace="northwind", name="x")])
    with pytest.raises(AuditFault), transaction() as session:
        session.bulk_insert_mappings(inspect(Team), [{"workspace": "northwind", "name": "x"}])
    with pytest.raises(AuditFault), transaction() as session:
        session.execute(update(Person), [{"id": firm.marketer.id, "name": "x"}])


def test_savepoints_are_refused(firm):
    with pytest.raises(AuditFault, match="savepoints"), transaction() as session:
        session.begin_nested()


def test_a_failed_flush_leaves_no_open_door(firm):
    with transaction() as session:
        session.add(Team(workspace="nowhere", name="x"))
        with contextlib.suppress(Exception):
            session.flush()
        session.rollback()
        with pytest.raises(AuditFault):
            session.execute(update(Person).values(name="x"))
        session.rollback()


@pytest.mark.parametrize("table", sorted(INSERT_ONLY))
def test_rows_of_the_log_are_only_inserted(firm, table):
    mapped = Base.metadata.tables[table]
    for statement in (delete(mapped), update(mapped).values({next(iter(mapped.c)): None})):
        with pytest.raises(AuditFault, match="never changed"), transaction() as session:
            session.execute(statement)


def test_an_upsert_is_not_an_insert(firm, database):
    dialect = sqlite_dialect if database.dialect.name == "sqlite" else postgresql
    entry = {"log": "northwind", "index": 0, "body": b"", "leaf": b"", "kind": "", "actor": "", "act": ""}
    upsert = dialect.insert(Entry.__table__).values(entry).on_conflict_do_nothing()
    replacing = insert(Entry.__table__).prefix_with("OR REPLACE").values(entry)
    for statement in (upsert, replacing):
        with pytest.raises(AuditFault), transaction() as session:
            session.execute(statement)


def test_indexes_of_a_log_have_no_gap(firm):
    with reading() as session:
        indexes = session.scalars(select(Entry.index).where(Entry.log == "northwind").order_by(Entry.index)).all()
    assert indexes == list(range(len(indexes)))


def test_reading_cannot_write(firm):
    with pytest.raises(Exception, match=r"read-?only"), reading() as session:
        person = session.get_one(Person, firm.marketer.id)
        person.name = "x"
        session.flush()


def test_every_table_is_witnessed_or_says_why_not():
    for mapper in Base.registry.mappers:
        witnessed = issubclass(mapper.class_, Witnessed)
        assert witnessed != bool(mapper.class_.unwitnessed), mapper.class_.__name__


def test_no_database_cascade_and_no_unmapped_table_escapes_the_mapper():
    mapped = {mapper.local_table.name for mapper in Base.registry.mappers}
    assert mapped == set(Base.metadata.tables), "an association table must be a mapped class"
    for table in WITNESSED:
        for key in Base.metadata.tables[table].foreign_keys:
            assert key.ondelete is None and key.onupdate is None, f"{table}: the database must not cascade"
    for mapper in Base.registry.mappers:
        assert not any(r.post_update for r in mapper.relationships), "post_update writes past the mapper events"


def test_text_columns_of_witnessed_tables_say_how_they_stand_in_an_image():
    from sqlalchemy import JSON, LargeBinary, Text

    for cls in WITNESSED.values():
        for column in inspect(cls).local_table.c:
            if isinstance(column.type, JSON | LargeBinary | Text):
                assert "witness" in column.info, f"{column} must be marked personal, secret, content or plain"
