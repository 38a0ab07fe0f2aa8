"""An export tells who took in each image that its posts show, however long before its days that was."""

from __future__ import annotations

import datetime as dt
import json
import re
import sqlite3
import zipfile
from array import array
from contextlib import closing

import pytest
from factories import a_draft, a_firm, a_picture, a_post
from sqlalchemy import event, make_url

from approval import clock
from approval.audit.models.images import content_bytes, content_digest
from approval.audit.queries.entries import head
from approval.audit.queries.keychain import keychain
from approval.db import reading, transaction
from approval.posts import services as posts
from approval.posts.models import Post
from approval.posts.payload import Attachment
from approval.records import verify as verifier
from approval.records.queries import Filters, Period, case_file, recreate
from approval.records.queries.cases import read_posts
from approval.records.queries.roll import roles_in
from approval.records.queries.selection import posts_in, selected

ALWAYS = Period(dt.date(2020, 1, 1), dt.date(2099, 12, 31), "Europe/Zurich")
DAY = dt.timedelta(days=1)


def upload(firm, colour, *, by=None):
    with transaction() as session:
        return posts.add_media(session, firm.workspace, a_picture(colour), by=by or firm.marketer).digest


def a_post_showing(firm, *digests):
    with transaction() as session:
        media = tuple(Attachment(digest, "A flag") for digest in digests)
        return a_post(session, firm, title="Flags", media=media).id


def show(firm, post, *digests):
    with transaction() as session:
        draft = a_draft(firm, title="Flags", media=tuple(Attachment(digest, "A flag") for digest in digests))
        row = session.get_one(Post, post)
        posts.revise(session, row, draft, by=firm.marketer, seen=row.revision)


def uploads(path):
    """Who took in which images, as an export's entries tell it."""
    with zipfile.ZipFile(path) as archive:
        lines = archive.read("logs/northwind/entries.jsonl").splitlines()
    entries = [json.loads(json.loads(line)["entry"]) for line in lines]
    return {entry["facts"]["digest"]: entry["actor"] for entry in entries if entry["kind"] == "media.added"}


@pytest.fixture
def pass_days(monkeypatch):
    """Let days pass, at once."""
    real, passed = clock.now, []
    monkeypatch.setattr(clock, "now", lambda session: real(session) + sum(passed, dt.timedelta()))

    def let_pass(days):
        passed.append(days * DAY)
        with reading() as session:
            return clock.wall_time(clock.now(session), "Europe/Zurich").date()

    return let_pass


@pytest.fixture
def bare(database, keys, prepared):
    """The small firm without a post, once in each kind of database."""
    return prepared("firm", lambda: a_firm(keys), database, keys)


def test_an_export_of_one_post_tells_who_took_in_its_images_and_no_other(bare, export, vkey):
    navy, red = upload(bare, "navy"), upload(bare, "red", by=bare.other_marketer)
    shows_navy, shows_none = a_post_showing(bare, navy), a_post_showing(bare)
    path, _ = export(filters=Filters(posts=(shows_navy,)))
    assert uploads(path) == {navy.hex(): bare.marketer.id}
    assert verifier.verify(str(path), vkey()).holds
    with zipfile.ZipFile(path) as archive:
        assert f"content/{navy.hex()}" in archive.namelist()
    assert uploads(export("none.zip", filters=Filters(posts=(shows_none,)))[0]) == {}
    assert uploads(export("all.zip")[0]).keys() == {navy.hex(), red.hex()}


def test_an_image_of_an_earlier_day_is_told_of_and_one_that_nothing_in_these_days_shows_is_not(bare, export, pass_days):
    navy, _unused = upload(bare, "navy"), upload(bare, "red")
    day = pass_days(30)
    a_post_showing(bare, navy)
    assert uploads(export(first_day=day, last_day=day)[0]) == {navy.hex(): bare.marketer.id}


def test_an_image_that_only_a_later_revision_shows_is_not_told_of(bare, export, pass_days):
    navy, day = upload(bare, "navy"), pass_days(30)
    post = a_post_showing(bare, navy)
    pass_days(30)
    red = upload(bare, "red")
    show(bare, post, red)
    limited = Filters(posts=(post,))
    assert uploads(export(filters=limited, last_day=day)[0]).keys() == {navy.hex()}
    assert uploads(export("later.zip", filters=limited)[0]).keys() == {navy.hex(), red.hex()}


def test_each_part_of_an_export_tells_of_the_images_of_its_own_posts(bare, export):
    navy, red = upload(bare, "navy"), upload(bare, "red")
    first, second = a_post_showing(bare, navy), a_post_showing(bare, red)
    assert uploads(export(filters=Filters(span=(second, 999)))[0]).keys() == {red.hex()}
    assert uploads(export("one.zip", filters=Filters(span=(1, first)))[0]).keys() == {navy.hex()}


def test_an_image_that_is_gone_is_told_of_and_said_to_be_absent(sqlite, keys, export, vkey):
    firm = a_firm(keys)
    navy = upload(firm, "navy")
    post = a_post_showing(firm, navy)
    connection = sqlite3.connect(make_url(str(sqlite.url)).database)
    connection.execute("DELETE FROM media")
    connection.commit()
    connection.close()
    path, _ = export(filters=Filters(posts=(post,)))
    assert uploads(path) == {navy.hex(): firm.marketer.id}
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("manifest.json"))["absent"].keys() == {navy.hex()}
    assert verifier.verify(str(path), vkey()).holds


def test_the_words_of_a_post_name_no_image(bare, export):
    navy = upload(bare, "navy")
    with transaction() as session:
        post = a_post(session, bare, f'"media":[{{"alt":"","digest":"{navy.hex()}"}}]').id
    assert uploads(export(filters=Filters(posts=(post,)))[0]) == {}


def test_as_many_questions_are_asked_for_many_posts_as_for_few(bare, database):
    def asked():
        with reading() as session:
            size = head(session, bare.workspace).size
            chosen = posts_in(session, bare.workspace, ALWAYS, Filters(), size)
            seen = []

            def note(*given):
                seen.append(given[2])

            event.listen(database, "before_cursor_execute", note)
            found = selected(session, bare.workspace, ALWAYS, Filters(), size, chosen)
            event.remove(database, "before_cursor_execute", note)
        assert found == array("q", range(size)), "each index once, ascending"
        return len(chosen), len(seen)

    few = [a_post_showing(bare, upload(bare, colour)) for colour in ("navy", "red")]
    before = asked()
    many = [a_post_showing(bare, upload(bare, (n, 0, 0))) for n in range(1, 12)]
    assert (before[0], asked()[0]) == (len(few), len(few) + len(many))
    assert asked()[1] == before[1]


# -- how they are found ----------------------------------------------------------------------------------------------


def plans(engine, ask):
    """How SQLite goes about each statement that reads entries."""
    asked = []

    def note(connection, cursor, statement, parameters, *rest):
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    with reading() as session:
        ask(session)
    event.remove(engine, "before_cursor_execute", note)
    with closing(sqlite3.connect(make_url(str(engine.url)).database)) as database:
        return [
            str(database.execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall())
            for statement, parameters in asked
            if "FROM entry" in statement and "max(" not in statement  # the last one is a single step
        ]


READS_ALL = re.compile(r"PRIMARY KEY \(log=\?( AND index<\?)?\)")
ONE_POST = Filters(posts=(1,))
ASKED = {
    "some posts": lambda session: read_posts(session, "northwind", [1, 2, 3], until=ALWAYS.ends, size=10_000),
    "a post as it stood": lambda session: recreate(session, 1),
    "the keys": lambda session: keychain(session, "northwind"),
    "an export of a post": lambda session: selected(session, "northwind", ALWAYS, ONE_POST, 10_000, array("q", [1])),
    "the posts of an export": lambda session: posts_in(session, "northwind", ALWAYS, ONE_POST, 10_000),
    "who was who": lambda session: roles_in(session, "northwind", ALWAYS),
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_the_log_is_not_read_from_its_beginning(firm_on_sqlite, sqlite, ask):
    found = plans(sqlite, ask)
    assert found and not any(READS_ALL.search(plan) for plan in found)


def test_control_who_is_not_told_that_logs_are_long_reads_them_whole(firm_on_sqlite, sqlite):
    with closing(sqlite3.connect(sqlite.url.database)) as database, database:
        database.execute("DELETE FROM sqlite_stat1")
    assert any(READS_ALL.search(plan) for ask in ASKED.values() for plan in plans(sqlite, ask))


# -- how far posts are told ------------------------------------------------------------------------------------------


def test_posts_are_told_below_a_size_and_before_an_instant(firm_on_sqlite):
    with reading() as session:
        whole = read_posts(session, "northwind", [1, 2]).entries
        cut = whole[1][-1]
        below = read_posts(session, "northwind", [1, 2], size=cut.index).entries
        before = read_posts(session, "northwind", [1, 2], until=cut.at).entries
    assert below == {1: [raw for raw in whole[1] if raw.index < cut.index]}
    assert before == {1: [raw for raw in whole[1] if raw.at < cut.at]} and len(whole[1]) > len(below[1]) > 0


def test_what_was_found_in_the_same_words_of_another_post_is_in_the_export_of_one(firm_on_sqlite, export):
    with transaction() as session:
        first = a_post(session, firm_on_sqlite, "Guaranteed returns, apply now!", title="Twice").id
    with transaction() as session:
        second = a_post(session, firm_on_sqlite, "Guaranteed returns, apply now!", title="Twice").id
    with reading() as session:
        (found,) = case_file(session, second).findings_elsewhere
        assert found and not list(case_file(session, first).findings_elsewhere)
    path, _ = export(filters=Filters(posts=(second,)))
    with zipfile.ZipFile(path) as archive:
        assert archive.read(f"content/{content_digest(found).hex()}") == content_bytes(found)
