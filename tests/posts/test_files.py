from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime

import pytest
from factories import a_picture, a_post
from sqlalchemy import create_engine, func, insert, select, update

from approval.audit.models import Entry
from approval.audit.models.images import Change
from approval.audit.queries.replaying import replay
from approval.audit.services.appending import append
from approval.db import reading, transaction
from approval.errors import BadFile, CapabilityMissing, Conflict, Invalid, NotFound
from approval.posts import queries, services
from approval.posts.events import MediaAdded
from approval.posts.models import Evidence, Media
from approval.posts.payload import Attachment
from approval.posts.reading import Reading
from approval.posts.services import files
from approval.screening.models import Screening

PDF = b"%PDF-1.7\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


def test_an_image_is_named_by_what_will_be_published_and_by_the_upload(firm):
    upload = a_picture()
    with transaction() as session:
        media = services.add_media(session, firm.workspace, upload, by=firm.marketer)

    with reading() as session:
        kind, data = queries.media_data(session, firm.workspace, media.digest)
        facts = queries.media_facts(session, firm.workspace, [media.digest, bytes(32)])
    assert kind == "image/png"
    assert hashlib.sha256(data).digest() == media.digest
    assert list(facts) == [media.digest]
    assert facts[media.digest].source == hashlib.sha256(upload).digest()


def test_the_same_image_again_is_the_same_row(firm):
    for _ in range(2):
        with transaction() as session:
            services.add_media(session, firm.workspace, a_picture(), by=firm.marketer)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Media)) == 1


def test_the_words_in_an_image_are_stored_with_it_and_witnessed(firm):
    with transaction() as session:
        said = Reading("Guaranteed 12% returns", "tesseract 5.3.0")
        media = services.add_media(session, firm.workspace, a_picture(), by=firm.marketer, reading=said)
    with reading() as session:
        row = session.get_one(Media, (firm.workspace, media.digest))
        assert (row.words, row.read_by) == ("Guaranteed 12% returns", "tesseract 5.3.0")
        assert queries.media_facts(session, firm.workspace, [media.digest])[media.digest].words == row.words
        assert list(replay(session, firm.workspace)) == []
        said_last = session.scalars(select(Entry.body).where(Entry.kind == "media.added")).one()
    image = json.loads(said_last)["rows"][0]["image"]
    assert image["words"] == {"sha256": hashlib.sha256(b"Guaranteed 12% returns").hexdigest()}
    assert image["read_by"] == "tesseract 5.3.0"


def test_an_image_that_the_log_knew_before_images_were_read_stays_explained(firm, owner_url):
    before = {
        "workspace": firm.workspace,
        "digest": bytes(32),
        "kind": "image/png",
        "width": 40,
        "height": 30,
        "size": 3,
        "source": bytes(32),
        "data": b"PNG",
        "added_by": firm.marketer.id,
        "added_at": datetime(2026, 11, 21, 9, tzinfo=UTC),
    }
    owner = create_engine(owner_url)
    with owner.begin() as connection:
        connection.execute(insert(Media.__table__).values(**before))
    with transaction() as session:
        added = MediaAdded(by=firm.marketer.id, workspace=firm.workspace, digest=bytes(32), source=bytes(32))
        append(session, [(added, [Change(Media, {"workspace": firm.workspace, "digest": bytes(32)}, before)])])
    with reading() as session:
        assert list(replay(session, firm.workspace)) == []
    for column in ("words", "read_by"):
        with owner.begin() as connection:
            connection.execute(update(Media.__table__).values({"words": None, "read_by": None, column: "No risk"}))
        with reading() as session:
            assert [(d.table, d.column) for d in replay(session, firm.workspace)] == [("media", column)]
    owner.dispose()


def test_an_image_is_read_once_when_it_is_added_and_never_again(firm_on_sqlite):
    firm = firm_on_sqlite
    for said in (Reading("No risk", "tesseract 5.3.0"), Reading("Some risk", "tesseract 6.0.0"), None):
        with transaction() as session:
            media = services.add_media(session, firm.workspace, a_picture(), by=firm.marketer, reading=said)
        assert (media.words, media.read_by) == ("No risk", "tesseract 5.3.0")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (Reading("Guaranteed 12% returns", "tesseract 5.3.0"), [("image.1", "Guaranteed 12% returns")]),
        (Reading("Harbour Street", "tesseract 5.3.0"), []),
        (Reading("", "tesseract 5.3.0"), []),
        (None, []),
    ],
    ids=["a promise", "innocent words", "no words", "nobody read it"],
)
def test_words_in_an_image_are_judged_with_the_post(firm_on_sqlite, said, found):
    firm = firm_on_sqlite
    with transaction() as session:
        first = services.add_media(session, firm.workspace, a_picture("red"), by=firm.marketer)
        second = services.add_media(session, firm.workspace, a_picture(), by=firm.marketer, reading=said)
        media = (Attachment(first.digest, "A door"), Attachment(second.digest, "A card"))
        post = a_post(session, firm, media=media)
        revision, severity = post.revision, post.severity
    with reading() as session:
        stored = session.scalars(select(Screening).where(Screening.revision == revision)).one()
    assert [(f["part"], f["match"]) for f in stored.findings if f["topic"] == "guarantee"] == found
    assert {f["part"] for f in stored.findings} <= {"image.1"}
    assert (severity is not None) == bool(found)


def test_an_image_need_not_repeat_what_the_texts_must_say(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        said = Reading("Home loans from Northwind", "tesseract 5.3.0")
        media = services.add_media(session, firm.workspace, a_picture(), by=firm.marketer, reading=said)
        attached = (Attachment(media.digest, "A card"),)
        post = a_post(session, firm, "Home loans from Northwind.", media=attached, product="home-loan")
        revision = post.revision
    with reading() as session:
        stored = session.scalars(select(Screening).where(Screening.revision == revision)).one()
    wanted = [f["part"] for f in stored.findings if f["start"] is None]
    assert wanted and set(wanted) == {"texts.news"}


def test_an_image_of_another_workspace_is_not_found(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        media = services.add_media(session, firm.workspace, a_picture(), by=firm.marketer)
    with reading() as session, pytest.raises(NotFound):
        queries.media_data(session, "elsewhere", media.digest)


def test_an_image_stands_in_the_payload(firm):
    with transaction() as session:
        media = services.add_media(session, firm.workspace, a_picture(), by=firm.marketer)
        post = a_post(session, firm, media=(Attachment(media.digest, "A door"),))
    with reading() as session:
        assert queries.post_facts(session, post.id).payload.media == (Attachment(media.digest, "A door"),)


def test_what_is_no_image_leaves_nothing_behind(firm_on_sqlite):
    firm = firm_on_sqlite
    with pytest.raises(BadFile), transaction() as session:
        services.add_media(session, firm.workspace, PDF, by=firm.marketer)
    with reading() as session:
        assert session.scalar(select(func.count()).select_from(Media)) == 0


def test_who_may_not_draft_adds_no_file(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post = a_post(session, firm)
    with pytest.raises(CapabilityMissing), transaction() as session:
        services.add_media(session, firm.workspace, a_picture(), by=firm.reviewer)
    with pytest.raises(CapabilityMissing), transaction() as session:
        services.add_evidence(session, post, name="a.pdf", data=PDF, by=firm.examiner)


def test_evidence_is_kept_byte_for_byte_outside_the_payload(firm):
    with transaction() as session:
        post = a_post(session, firm)
        before = post.revision
        row = services.add_evidence(session, post, name="C:\\rates\\ rates.pdf ", data=PDF, by=firm.marketer)

    with reading() as session:
        (facts,) = queries.evidence(session, post.id)
        assert (facts.name, facts.kind, facts.size) == ("rates.pdf", "application/pdf", len(PDF))
        assert facts.digest == hashlib.sha256(PDF).digest()
        assert queries.evidence_data(session, post.id, row.id) == ("rates.pdf", "application/pdf", PDF)
        assert queries.post_facts(session, post.id).revision == before


def test_evidence_removed_stays_in_the_records(firm):
    with transaction() as session:
        post = a_post(session, firm)
        row = services.add_evidence(session, post, name="rates.pdf", data=PDF, by=firm.marketer)
        number = row.id
    with transaction() as session:
        services.remove_evidence(session, session.get_one(Evidence, number), by=firm.marketer)

    with reading() as session:
        (facts,) = queries.evidence(session, post.id)
        assert facts.removed_at is not None
        assert queries.evidence_data(session, post.id, number)[2] == PDF
    with pytest.raises(Conflict), transaction() as session:
        services.remove_evidence(session, session.get_one(Evidence, number), by=firm.marketer)


def test_evidence_of_another_post_is_not_found(firm_on_sqlite):
    firm = firm_on_sqlite
    with transaction() as session:
        post, other = a_post(session, firm), a_post(session, firm)
        row = services.add_evidence(session, post, name="rates.pdf", data=PDF, by=firm.marketer)
    with reading() as session, pytest.raises(NotFound):
        queries.evidence_data(session, other.id, row.id)


@pytest.mark.parametrize("name", ["", "..", "a/", "\u202e\n", "x" * 201])
def test_evidence_has_a_name_that_a_page_can_show(firm_on_sqlite, name):
    firm = firm_on_sqlite
    with pytest.raises(Invalid), transaction() as session:
        services.add_evidence(session, a_post(session, firm), name=name, data=PDF, by=firm.marketer)


def test_a_post_takes_a_bounded_number_of_files(firm_on_sqlite, monkeypatch):
    firm = firm_on_sqlite
    monkeypatch.setattr(files, "MOST_EVIDENCE", 1)
    with transaction() as session:
        post = a_post(session, firm)
        services.add_evidence(session, post, name="rates.pdf", data=PDF, by=firm.marketer)
    with pytest.raises(Conflict, match="remove one"), transaction() as session:
        services.add_evidence(session, post, name="more.pdf", data=PDF, by=firm.marketer)
