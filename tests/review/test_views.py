"""The workflow's pages: read by all, changed by those who define, answered by a second one; no script needed."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from factories import Firm, a_post_in_review, put_in_force
from flask import Flask
from flask_bootstrap import Bootstrap5
from flask_login import UserMixin
from sqlalchemy import select

from approval import settings as environment
from approval.db import reading, transaction
from approval.people import views as people_views
from approval.people.models import Proposal
from approval.people.queries import actor_of
from approval.people.services import accounts
from approval.review import views
from approval.review.flow import Asked, Stage, Who
from approval.review.queries import in_force
from approval.settings import shipped
from approval.web import errors, filters, identity, security
from approval.web.identity import Caller, Hooks


class Known(UserMixin):
    def __init__(self, caller: Caller) -> None:
        self.caller = caller


def identify(asking):
    """Whoever the cookie names by id: signing in is not the subject here."""
    with reading() as session:
        actor = actor_of(session, asking.cookies.get("approval", ""))
    return None if actor is None else Known(Caller(actor, "s1"))


@pytest.fixture
def app(tmp_path) -> Flask:
    settings = environment.load({"APPROVAL_DATA": str(tmp_path), "APPROVAL_SECRET_KEY": "s" * 40})
    app = Flask("review", template_folder=str(shipped("templates")), static_folder=str(shipped("static")))
    app.config.update(BOOTSTRAP_SERVE_LOCAL=True)
    Bootstrap5(app)
    security.install(app, settings)
    errors.install(app)
    filters.install(app)
    identity.install(app, Hooks(settings, identify, lambda ids: {i: i for i in ids}, accounts.create_workspace))
    app.register_blueprint(people_views.blueprint)
    app.register_blueprint(views.blueprint)
    return app


class _Fields(HTMLParser):
    """What a browser would send of the form with the editor: names and values."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, str | list[str]] = {}
        self.name: str | None = None

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        match tag:
            case "input" if given.get("type") == "checkbox":
                if "checked" in given:
                    self.sent.setdefault(given["name"], []).append(given["value"])
            case "input" if given.get("name"):
                self.sent[given["name"]] = given.get("value", "")
            case "textarea" | "select":
                self.name, self.sent[given["name"]] = given["name"], ""
            case "option" if "selected" in given and self.name:
                self.sent[self.name] = given["value"]

    def handle_endtag(self, tag):
        if tag in ("textarea", "select"):
            self.name = None

    def handle_data(self, data):
        if self.name and self.lasttag == "textarea":
            self.sent[self.name] += data.lstrip("\r\n")


def fields(page) -> dict[str, str | list[str]]:
    parser = _Fields()
    parser.feed(page.text)
    return parser.sent


@pytest.fixture
def browse(app, firm_on_sqlite):
    """A browser of somebody of the firm."""

    def sign(who: str):
        client = app.test_client()
        client.set_cookie("approval", getattr(firm_on_sqlite, who).id)
        return client

    return sign


EDIT, TEXT = "/admin/workflow/edit", "/admin/workflow/text"


def stages_of(firm: Firm) -> list[str]:
    with reading() as session:
        return [stage.slug for stage in in_force(session, firm.workspace).workflow.stages]


def the_proposal() -> int:
    with reading() as session:
        return session.scalars(select(Proposal.id).order_by(Proposal.id.desc())).first()


def seconded(browse, answer="accept", who="other_compliance"):
    client = browse(who)
    token = fields(client.get(EDIT))["csrf_token"]
    address = f"/admin/workflow/proposals/{the_proposal()}"
    return client.post(address, data={"csrf_token": token, "answer": answer})


def test_everybody_reads_the_workflow_in_force(browse, firm_on_sqlite):
    with transaction() as session:
        a_post_in_review(session, firm_on_sqlite)
    for who in ("marketer", "reviewer", "compliance", "publisher", "examiner", "administrator"):
        page = browse(who).get("/admin/workflow")
        assert (page.status_code, "Peer review" in page.text) == (200, True)
        assert ("Change the workflow" in page.text) == (who in ("compliance", "administrator"))


@pytest.mark.parametrize("address", [EDIT, TEXT])
@pytest.mark.parametrize(
    ("who", "status"),
    [
        ("marketer", 403),
        ("reviewer", 403),
        ("publisher", 403),
        ("examiner", 403),
        ("compliance", 200),
        ("administrator", 200),
    ],
)
def test_only_those_who_define_edit(browse, address, who, status):
    client = browse(who)
    assert client.get(address).status_code == status
    if status == 403:
        client.get("/admin/workflow")
        assert client.post(address, data={}).status_code in (400, 403)


def test_the_form_shows_what_is_in_force_and_proposes_what_it_shows(browse, firm_on_sqlite):
    client = browse("compliance")
    sent = fields(client.get(EDIT))
    assert (sent["stages-0-slug"], sent["stages-1-who"]) == ("peer-review", "role:compliance")
    sent |= {"stages-1-due_hours": "12", "reason": "Faster.", "act": "propose"}
    assert client.post(EDIT, data=sent).status_code == 302
    assert stages_of(firm_on_sqlite) == ["peer-review", "compliance"]
    assert "Faster." in browse("other_compliance").get("/admin/workflow").text
    assert seconded(browse).status_code == 302
    with reading() as session:
        force = in_force(session, firm_on_sqlite.workspace)
    assert (force.number, force.workflow.stages[1].due_hours) == (2, 12)


@pytest.mark.parametrize(
    ("act", "names"),
    [
        ("add", ["Peer review", "Compliance", ""]),
        ("remove-0", ["Compliance"]),
        ("up-1", ["Compliance", "Peer review"]),
        ("down-0", ["Compliance", "Peer review"]),
        ("up-0", ["Peer review", "Compliance"]),
        ("down-1", ["Peer review", "Compliance"]),
        ("remove-9", ["Peer review", "Compliance"]),
        ("remove-", ["Peer review", "Compliance"]),
        ("dance-1", ["Peer review", "Compliance"]),
        ("up-٣", ["Peer review", "Compliance"]),
    ],
)
def test_buttons_rearrange_the_stages_and_keep_what_was_typed(browse, act, names):
    client = browse("compliance")
    sent = fields(client.get(EDIT)) | {"reason": "Typed already.", "act": act}
    shown = fields(client.post(EDIT, data=sent))
    assert [shown[f"stages-{n}-name"] for n in range(len(names))] == names
    assert f"stages-{len(names)}-name" not in shown
    assert (shown["reason"], "distinct" in shown) == ("Typed already.", True)


def test_what_is_wrong_stands_at_its_field(browse, firm_on_sqlite):
    client = browse("compliance")
    sent = fields(client.get(EDIT))
    sent |= {"stages-0-due_hours": "0", "stages-1-topics": "luck", "stages-1-who": "", "reason": "x", "act": "propose"}
    page = client.post(EDIT, data=sent)
    assert page.status_code == 422
    for field in ("stages-0-due_hours", "stages-1-topics", "stages-1-who"):
        assert f'id="{field}-errors"' in page.text
    assert the_proposal() is None


def test_what_is_wrong_is_said_once_in_the_words_of_the_form(browse):
    client = browse("compliance")
    sent = fields(client.get(EDIT))
    new = fields(client.post(EDIT, data=sent | {"act": "add"})) | {"reason": "x", "act": "propose"}
    page = client.post(EDIT, data=new | {"stages-1-topics": "guarante"})
    assert page.status_code == 422
    assert "stages.3" not in page.text
    assert not re.search(r'id="stages-2-slug-errors"', page.text)
    for words in ("Give the stage a name", "Choose who decides.", "near it: guarantee"):
        assert page.text.count(words) == 1
    assert '<a href="#stages-2-name">Stage 3: Name</a>' in page.text


def test_of_two_stages_with_one_short_name_the_later_is_to_change(browse):
    client = browse("compliance")
    sent = fields(client.get(EDIT)) | {"stages-1-slug": "peer-review", "reason": "x", "act": "propose"}
    page = client.post(EDIT, data=sent).text
    assert page.count("Another stage has this short name") == 1
    assert 'id="stages-1-slug-errors"' in page
    assert "Another stage" in client.post(EDIT, data=sent | {"stages-1-topics": "luck"}).text


def test_only_what_may_be_left_empty_is_called_optional(browse):
    page = browse("compliance").get(EDIT).text
    for field, optional in (("name", False), ("who", False), ("quorum", False), ("checklist", True), ("slug", True)):
        assert ("(optional)" in re.search(rf'<label [^>]*for="stages-0-{field}">(.*?)</label>', page)[1]) == optional
    assert "Block or worse" not in page


def test_a_new_stage_is_where_the_page_goes_on(browse):
    page = browse("compliance").get(EDIT).text
    (target,) = re.findall(r'value="add" formaction="[^"#]*#([^"]+)"', page)
    assert target == "stages-2-name"


@pytest.mark.parametrize(("who", "tabs"), [("administrator", 7), ("compliance", 2), ("marketer", 2)])
def test_the_tabs_are_those_that_the_reader_may_open(browse, who, tabs):
    (found,) = re.findall(r'<nav aria-label="Administration">.*?</nav>', browse(who).get("/admin/workflow").text, re.S)
    assert len(re.findall("<li>", found)) == tabs
    assert re.search(r'href="/admin/workflow[^"]*" aria-current="page"', found)


def test_a_proposal_needs_a_reason(browse):
    client = browse("compliance")
    sent = fields(client.get(EDIT)) | {"stages-0-due_hours": "3", "reason": "  ", "act": "propose"}
    page = client.post(EDIT, data=sent)
    assert (page.status_code, page.text.count("Say why")) == (422, 1)
    page = client.post(EDIT, data=sent | {"stages-0-name": ""})
    assert [words in page.text for words in ("Say why", "Give the stage a name")] == [True, True]


def test_form_and_text_turn_into_each_other(browse, firm_on_sqlite):
    client = browse("compliance")
    sent = fields(client.get(EDIT)) | {"stages-0-networks": ["x", "blog"], "act": "text"}
    text = fields(client.post(EDIT, data=sent))
    assert 'networks = ["x", "blog"]' in text["source"]
    form = fields(client.post(TEXT, data=text | {"act": "form"}))
    assert form["stages-0-networks"] == ["x", "blog"]
    assert client.post(TEXT, data=text | {"act": "propose", "reason": "Only there."}).status_code == 302
    seconded(browse)
    with reading() as session:
        assert in_force(session, firm_on_sqlite.workspace).workflow.stages[0].when.networks == {"x", "blog"}


@pytest.mark.parametrize("act", ["form", "propose"])
@pytest.mark.parametrize("source", ["stages = [", "colour = 1", "x" * 70_000])
def test_a_text_that_cannot_work_is_shown_again_with_the_reason(browse, act, source):
    client = browse("compliance")
    token = fields(client.get(TEXT))["csrf_token"]
    page = client.post(TEXT, data={"csrf_token": token, "source": source, "act": act, "reason": "x"})
    assert (page.status_code, source[:20] in page.text) == (422, True)


def test_the_proposer_does_not_answer_and_nobody_answers_twice(browse, firm_on_sqlite):
    client = browse("compliance")
    sent = fields(client.get(EDIT)) | {"stages-0-due_hours": "3", "reason": "Faster.", "act": "propose"}
    client.post(EDIT, data=sent)
    assert "somebody else must answer" in client.get("/admin/workflow").text
    assert seconded(browse, who="compliance").status_code == 403
    assert seconded(browse, answer="refuse").status_code == 302
    assert seconded(browse, who="administrator").status_code == 409
    with reading() as session:
        assert in_force(session, firm_on_sqlite.workspace).number == 1


def test_a_proposal_of_another_kind_or_none_is_not_found(browse):
    client = browse("compliance")
    token = fields(client.get(EDIT))["csrf_token"]
    address = "/admin/workflow/proposals/77"
    assert client.post(address, data={"csrf_token": token, "answer": "accept"}).status_code == 404


def test_the_effect_on_posts_in_review_is_said(browse, firm_on_sqlite):
    with transaction() as session:
        a_post_in_review(session, firm_on_sqlite)
        put_in_force(session, firm_on_sqlite, Stage("only", "Only", Who(Asked.ROLE, "reviewer")))
        a_post_in_review(session, firm_on_sqlite, "We open at eight.")
    page = re.sub(r"\s+", " ", browse("compliance").get(EDIT).text)
    assert "2 posts are in review and keep the version submitted under" in page
    assert "1 post is in review under this version" in browse("compliance").get("/admin/workflow/1").text


def test_an_earlier_version_is_read_and_started_from(browse, firm_on_sqlite):
    with transaction() as session:
        put_in_force(session, firm_on_sqlite, Stage("only", "Only", Who(Asked.PERSON, firm_on_sqlite.reviewer.id)))
    client = browse("compliance")
    page = client.get("/admin/workflow/1")
    assert ("What is different" in page.text, "Peer review" in page.text) == (True, True)
    assert "Ruth" in client.get("/admin/workflow").text
    assert fields(client.get(EDIT + "?from=1"))["stages-0-slug"] == "peer-review"
    assert fields(client.get(EDIT))["stages-0-who"] == f"person:{firm_on_sqlite.reviewer.id}"
    assert client.get("/admin/workflow/99").status_code == 404


def test_no_page_holds_inline_style_or_script(browse):
    client = browse("compliance")
    for address in ("/admin/workflow", "/admin/workflow/1", EDIT, TEXT):
        page = client.get(address).text
        assert not re.search(r"<style|<script(?![^>]*src=)|\sstyle=|\son[a-z]+=", page)
