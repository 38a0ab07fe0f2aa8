"""A firm with a few posts in its records, and exports of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
from doors import Browser
from factories import Firm, a_firm, a_picture, a_post, a_post_in_review, an_approved_post
from letting_in import come_in as let_and_come_in
from prepared import Prepared
from sqlalchemy import Engine

from approval import settings as environment
from approval.audit.models.keys import Keys
from approval.audit.queries.entries import head
from approval.db import reading, transaction
from approval.posts import services as posts
from approval.posts.models import Comment, Post
from approval.posts.payload import Attachment
from approval.publishing import jobs, services as publishing
from approval.records.queries import Filters
from approval.records.services import Written, write_export
from approval.settings import Settings

EVIDENCE = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
Export = Callable[..., tuple[Path, Written]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})


def with_posts(firm: Firm, settings: Settings) -> Firm:
    """The firm with three posts, each step in an act of its own: one published with image and evidence, one talked
    about with a comment edited and deleted, one in review."""
    with transaction() as session:
        picture = posts.add_media(session, firm.workspace, a_picture(), by=firm.marketer)
    with transaction() as session:
        attached = (Attachment(picture.digest, "A blue flag"),)
        published = an_approved_post(session, firm, title="Opening hours", media=attached)
        posts.add_evidence(session, published, name="rates.pdf", data=EVIDENCE, by=firm.marketer)
    with transaction() as session:
        publishing.publish_now(session, session.get_one(Post, published.id), by=firm.publisher)
    jobs.publish_due(settings, "test")
    with transaction() as session:
        talked = a_post(session, firm, "Apply now: our team answers today only!", title="=Today only")
        comment = posts.comment(session, talked, "Is this so?", by=firm.reviewer)
    with transaction() as session:
        posts.edit_comment(session, session.get_one(Comment, comment.id), "Is this really so?", by=firm.reviewer)
    with transaction() as session:
        posts.delete_comment(session, session.get_one(Comment, comment.id), by=firm.reviewer)
    with transaction() as session:
        a_post_in_review(session, firm, "From Tuesday on, bring a friend.", title="Friends")
    return firm


@pytest.fixture
def firm(database: Engine, keys: Keys, settings: Settings, prepared: Prepared) -> Firm:
    """The small firm with posts 1 to 3, once in each kind of database."""
    return prepared("firm with posts", lambda: with_posts(a_firm(keys), settings), database, keys)


@pytest.fixture
def firm_on_sqlite(sqlite: Engine, keys: Keys, settings: Settings, prepared: Prepared) -> Firm:
    """The small firm with posts 1 to 3 in SQLite, for what does not depend on the kind of database."""
    return prepared("firm with posts", lambda: with_posts(a_firm(keys), settings), sqlite, keys)


@pytest.fixture
def export(settings: Settings, tmp_path: Path) -> Export:
    """A function that writes an export of everything, or of what it is given."""

    def write(name: str = "export.zip", **changes: object) -> tuple[Path, Written]:
        asked = {
            "workspace": "northwind",
            "first_day": dt.date(2020, 1, 1),
            "last_day": dt.date(2099, 12, 31),
            "filters": Filters(),
            "by": "host:test",
        }
        out = tmp_path / name
        return out, write_export(**{**asked, **changes}, out=out, settings=settings)  # type: ignore[arg-type]

    return write


@pytest.fixture
def vkey() -> Callable[[], str]:
    """A function that answers the verifier key of the workspace's log."""

    def key(log: str = "northwind") -> str:
        with reading() as session:
            return head(session, log).vkey

    return key


@pytest.fixture
def signed(app):
    """Sign somebody of the firm in, by name, to the application of the test."""

    def sign(name: str) -> Browser:
        browser = Browser(app.test_client())
        assert browser.sign_in(f"{name}@northwind.example").status_code == 302
        return browser

    return sign


@pytest.fixture
def come_in(app, firm_on_sqlite):
    """A function that lets Greta in within limits: her browser in the room, and her recovery codes."""
    return lambda limits: let_and_come_in(app, firm_on_sqlite, limits)
