from __future__ import annotations

import hashlib

import pytest
from factories import a_picture, a_post
from sqlalchemy import func, select

from approval.db import reading, transaction
from approval.errors import BadFile, CapabilityMissing, Conflict, Invalid, NotFound
from approval.posts import queries, services
from approval.posts.models import Evidence, Media
from approval.posts.payload import Attachment
from approval.posts.services import files

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
