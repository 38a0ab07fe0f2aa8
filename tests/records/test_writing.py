"""An export holds what it must, verifies by either verifier, and stops verifying when a bit of it changes."""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import io
import json
import random
import re
import sqlite3
import subprocess
import sys
import zipfile

import pytest
from factories import HOST, a_person, a_workspace
from sqlalchemy import make_url, select

from approval.audit.models import Entry, Opening
from approval.audit.services import record
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.errors import Invalid, NotFound, ProofFailed
from approval.people.services import accounts
from approval.posts.models import Evidence, Media, Post, Revision
from approval.records import verify as verifier
from approval.records.events import ExportMade
from approval.records.queries import Filters, Period
from approval.records.services import tables, writing
from approval.screening.models import RuleSetVersion, Screening

SPREADSHEET_FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\0=1", "＝1", "＋1", "－1", "＠x", "  =1"]


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def lines(files, log="northwind"):
    return [json.loads(line) for line in files[f"logs/{log}/entries.jsonl"].splitlines()]


def verified(path, vkey=None):
    return verifier.verify(str(path), vkey)


def tamper(engine, table, column, value, where):
    """Change a row behind the application's back."""
    connection = sqlite3.connect(make_url(str(engine.url)).database)
    for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {trigger}")
    changed = connection.execute(f'UPDATE "{table}" SET {column} = ? WHERE {where}', (value,)).rowcount
    connection.commit()
    connection.close()
    assert changed == 1


# -- it holds ---------------------------------------------------------------------------------------------------


def test_an_export_verifies_by_the_module_and_by_the_verifier_inside_it(firm, export, vkey, tmp_path):
    path, written = export()
    report = verified(path, vkey())
    assert report.holds and report.signer_checked, report.to_text()

    assert {"verify.py", "verify.html"} <= members(path).keys()
    alone = tmp_path / "verify.py"
    alone.write_bytes(members(path)["verify.py"])
    answer = subprocess.run(
        [sys.executable, "-I", alone, path, "--vkey", vkey()], capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert written.digest == hashlib.sha256(path.read_bytes()).digest()
    assert written.size == path.stat().st_size
    assert path.with_name("export.zip.note").read_text().splitlines()[0] == "approval-export/v1"


def test_another_key_does_not_verify_it(firm_on_sqlite, export, vkey):
    path, _ = export()
    assert not verified(path, vkey("installation")).holds
    assert verified(path, vkey()).holds


def test_every_entry_of_the_period_is_in_it_with_what_opens_it(firm, export):
    path, written = export()
    with reading() as session:
        stored = session.scalars(select(Entry.body).where(Entry.log == "northwind").order_by(Entry.index)).all()
        openings = session.scalars(select(Opening).where(Opening.log == "northwind", Opening.value.is_not(None))).all()
    exported = lines(members(path))
    # All but the record of the export itself, which comes after it.
    assert [line["entry"].encode() for line in exported] == stored[:-1]
    assert written.entries == len(exported)
    opened = {o["commitment"]: o["value"] for line in exported for o in line["openings"]}
    assert opened == {o.commitment.hex(): json.loads(o.value) for o in openings}
    assert "Is this really so?" in opened.values()


def test_the_exact_bytes_of_every_content_are_in_it(firm, export):
    files = members(export()[0])
    with reading() as session:
        contents = [
            *(payload.encode() for payload in session.scalars(select(Revision.payload))),
            *session.scalars(select(Media.data)),
            *session.scalars(select(Evidence.data)),
        ]
        screenings = session.scalars(select(Screening)).all()
        digests = {digest for line in lines(files) for digest in re.findall(r'\{"sha256":"(\w+)"\}', line["entry"])}
    for content in contents:
        assert files[f"content/{hashlib.sha256(content).hexdigest()}"] == content
    assert {f"content/{digest}" for digest in digests} <= files.keys()
    assert any(screening.findings for screening in screenings)
    assert json.loads(files["manifest.json"])["absent"] == {}


def test_it_says_who_was_who(firm_on_sqlite, export):
    people = {person["email"]: person for person in json.loads(members(export()[0])["people.json"])}
    maria = people["maria@northwind.example"]
    assert maria["id"] == firm_on_sqlite.marketer.id
    assert [held["role"] for held in maria["roles"]] == ["marketer"]


def test_it_holds_the_accounts_of_those_concerned_and_of_nobody_else(firm_on_sqlite, export, keys):
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
        stranger = a_person(session, "sven", Role.MARKETER, workspace="southwind")
    added = [json.loads(line["entry"])["facts"].get("person") for line in lines(members(export()[0]), "installation")]
    assert firm_on_sqlite.marketer.id in added
    assert stranger.id not in added


def test_the_rules_and_the_workflow_in_force_are_readable_in_it(firm_on_sqlite, export):
    files = members(export()[0])
    assert b"peer-review" in files["definitions/workflow-1/stages.toml"]
    assert b"[[" in files["definitions/rules-1/promises.toml"]
    assert b"definitions/rules-1/promises.toml" in files["index.html"]


def test_each_definition_in_it_has_the_digest_of_its_own_file_beside_that_of_its_version(firm_on_sqlite, export):
    files = members(export()[0])
    index = files["index.html"].decode()
    with reading() as session:
        version = session.scalars(select(RuleSetVersion.digest)).one().hex()
    packs = [name for name in files if name.startswith("definitions/rules-1/")]
    for name in packs:
        (row,) = re.findall(rf'<tr><td><a href="{re.escape(name)}">.*</tr>', index)
        assert re.findall(r"<code>(\w+)</code>", row) == [hashlib.sha256(files[name]).hexdigest(), version]
    assert len(packs) > 1


def test_its_first_page_names_the_posts_before_the_other_tables(firm_on_sqlite, export):
    index = members(export()[0])["index.html"].decode()
    assert index.index('href="posts.csv"') < index.index('href="entries.csv"') < index.index('href="people.csv"')
    assert "<td>In review</td>" in index and "in review" not in index


def test_a_case_file_says_in_words_what_was_decided_on_and_what_followed(firm_on_sqlite, export):
    page = members(export()[0])["posts/1.html"].decode()
    with reading() as session:
        decided = session.scalars(select(Post.revision).where(Post.id == 1)).one().hex()
    assert f"<dt>Digest of what was decided on</dt><dd><code>{decided}</code></dd>" in page
    assert "<dt>Round after this decision</dt><dd>still open</dd>" in page
    assert not re.search("<dt>(Seen|Outcome|Kpi|Request)</dt>", page)
    assert "<dd>Published, when this file was written</dd>" in page


def test_a_case_file_tells_the_story_with_words_decisions_comments_and_receipts(firm, export):
    files = members(export()[0])
    published, talked = files["posts/1.html"].decode(), files["posts/2.html"].decode()
    for expected in (
        "From Monday our branch in Zug opens at nine.",
        "Approved at the stage peer-review",
        "Approved at the stage compliance",
        "Ruth",
        "Published on news",
        "rates.pdf",
        "A blue flag",
        " CE",
    ):
        assert expected in published, expected
    for expected in ("Is this so?", "Is this really so?", "Comment deleted", "today only", "Instead:", "&#34;"):
        assert expected in talked, expected
    assert "<script" not in talked
    assert talked.index("Is this so?") < talked.index("Is this really so?") < talked.index("Comment deleted")


def test_the_export_is_an_entry_itself(firm, export):
    path, written = export()
    with reading() as session:
        body = session.scalars(select(Entry.body).where(Entry.kind == ExportMade.kind)).one()
    entry = json.loads(body)
    assert entry["actor"] == "host:test"
    assert entry["facts"]["digest"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (entry["facts"]["size"], entry["facts"]["entries"]) == (written.size, written.entries)


# -- which entries ------------------------------------------------------------------------------------------------


def test_days_are_inclusive_in_the_zone_of_the_workspace():
    period = Period(dt.date(2026, 3, 29), dt.date(2026, 3, 29), "Europe/Zurich")
    assert period.begins == dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC)
    assert period.ends == dt.datetime(2026, 3, 29, 22, tzinfo=dt.UTC)


def test_a_day_that_begins_where_clocks_go_forward_at_midnight_has_no_gap_before_it():
    # Lebanon: 00:00 on 2024-03-31 does not exist.
    before, day = (Period(d, d, "Asia/Beirut") for d in (dt.date(2024, 3, 30), dt.date(2024, 3, 31)))
    assert before.ends == day.begins == dt.datetime(2024, 3, 30, 22, tzinfo=dt.UTC)


def test_a_day_without_acts_holds_what_was_in_force_and_no_post(firm_on_sqlite, export, vkey):
    path, _ = export(first_day=dt.date(2030, 1, 1), last_day=dt.date(2030, 1, 1))
    files = members(path)
    kinds = {json.loads(line["entry"])["kind"] for line in lines(files)}
    assert {"log.opened", "role.given", "workflow.shipped", "rule-set.shipped", "channel.opened"} <= kinds
    assert not any(kind.startswith(("post.", "review.", "publication.")) for kind in kinds)
    assert not any(name.startswith("posts/") for name in files)
    assert verified(path, vkey()).holds


def test_a_period_before_the_log_holds_its_first_entry_only(firm_on_sqlite, export, vkey):
    path, written = export(first_day=dt.date(2000, 1, 1), last_day=dt.date(2000, 1, 1))
    assert written.entries == 1
    assert verified(path, vkey()).holds


def test_an_export_of_one_post_holds_its_whole_story_and_no_other_post(firm_on_sqlite, export, vkey):
    path, _ = export(filters=Filters(posts=(2,)))
    files = members(path)
    posts = {json.loads(line["entry"])["post"] for line in lines(files)}
    assert posts == {2, None}
    assert {name for name in files if name.startswith("posts/")} == {"posts/2.html"}
    assert json.loads(files["manifest.json"])["filters"] == {"posts": [2]}
    assert verified(path, vkey()).holds


def test_an_export_of_a_person_holds_the_posts_they_acted_on(firm_on_sqlite, export):
    files = members(export(filters=Filters(people=("ruth@northwind.example",)))[0])
    assert {name for name in files if name.startswith("posts/")} == {"posts/1.html", "posts/2.html"}
    assert json.loads(files["manifest.json"])["filters"] == {"people": [firm_on_sqlite.reviewer.id]}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"workspace": "eastwind"}, NotFound),
        ({"first_day": dt.date(2100, 1, 1)}, Invalid),
        ({"filters": Filters(posts=(99,))}, Invalid),
        ({"filters": Filters(people=("nobody@northwind.example",))}, Invalid),
        ({"filters": Filters(posts=tuple(range(1, 300)))}, Invalid),
        ({"name": "no-such-folder/export.zip"}, Invalid),
    ],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_written(firm_on_sqlite, export, tmp_path, changes, refusal):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(refusal):
        export(**changes)
    assert [path for path in sorted(tmp_path.rglob("*")) if path not in before and "zip" in path.name] == []


def test_an_export_that_cannot_be_recorded_leaves_nothing_behind(firm_on_sqlite, export, tmp_path, monkeypatch):
    def fail(*_args):
        raise OSError("disk full")

    monkeypatch.setattr(writing, "record", fail)
    with pytest.raises(OSError, match="disk full"):
        export()
    assert not list(tmp_path.glob("*.zip*")) and not list(tmp_path.glob(".*.part*"))
    monkeypatch.setattr(writing, "record", record)
    assert export()[0].exists()


# -- what was changed is found -------------------------------------------------------------------------------------


def test_no_flipped_bit_of_the_note_verifies(firm_on_sqlite, export, vkey):
    path, _ = export()
    note = path.with_name("export.zip.note")
    data = note.read_bytes()
    key = vkey()
    for at in range(len(data)):
        note.write_bytes(data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :])
        assert not verified(path, key).holds, f"byte {at}"
    note.write_bytes(data)
    assert verified(path, key).holds


@pytest.mark.parametrize("keyed", [True, False], ids=["with the key", "without a key"])
def test_none_of_2000_changed_places_of_a_full_export_verifies(firm_on_sqlite, export, vkey, keyed):
    path, _ = export()
    key = vkey() if keyed else None
    whole, chosen = path.read_bytes(), random.Random(17)
    note = path.with_name("export.zip.note").read_bytes()
    for _ in range(2000):
        at = chosen.randrange(len(whole))
        data = bytearray(whole)
        data[at] ^= 1 << chosen.randrange(8)
        assert not holds(bytes(data), note, key), f"byte {at}"
    assert holds(whole, note, key)


def holds(archive, note, key):
    report = verifier.Report()
    try:
        expected = None if key is None else verifier.parse_vkey(key)
        verifier.check_export(io.BytesIO(archive), note, verifier.Brought(expected), report)
    except (verifier.Refused, *verifier.BROKEN_ARCHIVE):
        return False
    return report.holds


def test_an_entry_changed_in_the_database_is_not_handed_out(firm_on_sqlite, sqlite, export, tmp_path):
    export("before.zip")
    tamper(sqlite, "entry", "body", b'{"kind":"forged"}', "log = 'northwind' AND \"index\" = 5")
    with pytest.raises(ProofFailed, match="audit verify"):
        export()
    assert not (tmp_path / "export.zip").exists()


@pytest.mark.parametrize(
    ("table", "column", "value", "where", "page"),
    [
        ("revision", "payload", '{"title":"forged"}', "post = 1", "posts/1.html"),
        ("screening", "findings", "[]", "worst IS NOT NULL", "posts/2.html"),
    ],
)
def test_a_content_changed_in_the_database_is_said_to_be_absent(
    firm_on_sqlite, sqlite, export, vkey, table, column, value, where, page
):
    assert b"not shown" not in members(export("before.zip")[0])[page]
    tamper(sqlite, table, column, value, where)
    path, _ = export()
    files = members(path)
    manifest = json.loads(files["manifest.json"])
    (reason,) = manifest["absent"].values()
    assert f"{table}.{column} holds other bytes now" in reason
    assert any("not in this export" in note for note in manifest["notes"])
    assert b"not what was recorded" in files[page] and b"forged" not in files[page]
    assert verified(path, vkey()).holds


def test_a_value_changed_in_the_database_stays_closed(firm_on_sqlite, sqlite, export, vkey):
    with reading() as session:
        opening = session.scalars(select(Opening).where(Opening.value == '"Is this so?"')).one()
    tamper(sqlite, "opening", "value", '"All is well."', f"commitment = '{opening.commitment.hex()}'")
    path, _ = export()
    files = members(path)
    assert not any("All is well." in str(line["openings"]) for line in lines(files))
    assert any("changed outside the program" in note for note in json.loads(files["manifest.json"])["notes"])
    assert b"All is well." not in files["posts/2.html"]
    assert verified(path, vkey()).holds


def test_an_erased_row_is_said_to_be_absent(firm_on_sqlite, export, vkey, sqlite):
    tamper(sqlite, "evidence", "post", 2, "post = 1")
    connection = sqlite3.connect(make_url(str(sqlite.url)).database)
    connection.execute("DELETE FROM evidence")
    connection.commit()
    connection.close()
    path, _ = export()
    (reason,) = json.loads(members(path)["manifest.json"])["absent"].values()
    assert "not stored any more" in reason
    assert verified(path, vkey()).holds


# -- copies for a spreadsheet ------------------------------------------------------------------------------------


@pytest.mark.parametrize("cell", SPREADSHEET_FORMULAS)
def test_no_cell_is_taken_for_a_formula(cell):
    assert tables.safe(cell) == f"'{cell}"


def test_an_ordinary_cell_is_left_as_it_is():
    assert tables.safe("Ada = Lovelace") == "Ada = Lovelace"
    assert tables.safe(None) == ""


def test_a_name_that_is_a_formula_is_harmless_in_the_copies(firm_on_sqlite, export):
    with transaction() as session:
        eve = accounts.add_person(session, email="eve@northwind.example", name="=HYPERLINK(1)", by=HOST)
        accounts.give_role(session, eve, Role.MARKETER, workspace="northwind", by=HOST)
    files = members(export()[0])
    assert '"\'=HYPERLINK(1)"' in files["people.csv"].decode()
    for name in ("people.csv", "entries.csv", "posts.csv"):
        for row in csv.reader(io.StringIO(files[name].decode(), newline="")):
            assert not any(cell.startswith(tuple("=+-@\t\r")) for cell in row), row
