"""Bad input at the doors: each refusal names the input, the place and the remedy, and nothing is half-written.

What is wrong inside one domain is refused in the tests of that domain; here it comes over HTTP and from the terminal.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import uuid
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from factories import a_decision, a_person, a_post, a_post_in_review, an_approved_post
from furniture import PACK, a_picture
from house import House, a_house, the_engine
from sqlalchemy import Engine, event, func, select

from approval.audit.models import Entry
from approval.capabilities import Role
from approval.db import reading, transaction
from approval.posts.models import Post
from approval.review import services as review
from approval.review.flow import Verdict
from approval.review.models import Decision
from approval.review.queries import flow_of

MIB = 1024 * 1024
HUGE = "9" * 30
W = "?workspace=northwind"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[House]:
    with a_house(tmp_path_factory.mktemp("house"), sqlite_template) as made:
        yield made


@pytest.fixture
def make(house: House) -> Callable[..., int]:
    """Make a post with a function of the factories; its id."""

    def build(factory: Callable[..., Post], *words: str, **changes: Any) -> int:
        with transaction() as session:
            return factory(session, house.firm, *words, **changes).id

    return build


def decision(post: int, **changes: Any) -> dict[str, Any]:
    """The body of an approval at the open stage of a post, on the bytes that it stands at."""
    with reading() as session:
        round_ = flow_of(session, post)
        assert round_ is not None
        state = round_.flow.open_stage or round_.flow.stages[0]
        seen = session.get_one(Post, post).revision.hex()
        right = {"stage": round_.stage_id(state), "seen": seen, "verdict": "approve", "key": str(uuid.uuid4())}
    return {**right, **changes}


def entries() -> int:
    with reading() as session:
        return session.scalar(select(func.count()).select_from(Entry)) or 0


@contextmanager
def nothing_written() -> Iterator[None]:
    before = entries()
    yield
    assert entries() == before


def ensure_problem(answer: Any, status: int, kind: str) -> None:
    """Fail unless the answer is problem details of this status and kind."""
    assert (answer.status_code, answer.mimetype) == (status, "application/problem+json"), answer.text
    assert {"type", "title", "status", "detail"} <= set(answer.json)
    assert (answer.json["type"], answer.json["status"]) == (f"/problems/{kind}", status)


def places(answer: Any) -> dict[str, str]:
    return {problem["where"]: problem["detail"] for problem in answer.json.get("errors", ())}


# -- deciding and editing --------------------------------------------------------------------------------------


def test_an_edit_of_a_stale_revision_is_refused(house, make):
    post = make(a_post)
    with nothing_written():
        body = {"title": "Hours", "texts": {"news": "Other words."}}
        answer = house.ask("marketer", "PUT", f"/api/v1/posts/{post}", json=body, headers={"If-Match": f'"{"0" * 64}"'})
    ensure_problem(answer, 412, "precondition-failed")


@pytest.mark.parametrize("match", [None, "*", "abc", f'W/"{"0" * 64}"'])
def test_an_edit_says_which_revision_it_is_of(house, make, match):
    headers = {} if match is None else {"If-Match": match}
    with_title = {"title": "Hours", "texts": {}}
    answer = house.ask("marketer", "PUT", f"/api/v1/posts/{make(a_post)}", json=with_title, headers=headers)
    ensure_problem(answer, 422, "invalid")
    assert "If-Match" in answer.json["detail"]


def test_a_decision_on_a_stale_revision_is_refused(house, make):
    post = make(a_post_in_review)
    with nothing_written():
        answer = house.ask("reviewer", "POST", f"/api/v1/posts/{post}/decisions", json=decision(post, seen="0" * 64))
    ensure_problem(answer, 409, "stale-revision")


def test_nobody_decides_on_their_own_words(house):
    with transaction() as session:
        writer = a_person(session, f"wanda{uuid.uuid4().hex[:6]}", Role.MARKETER, Role.REVIEWER)
        post = a_post(session, house.firm, by=writer)
        review.submit(session, post, by=writer)
        id_ = post.id
    house.come_in("writer", writer)
    with nothing_written():
        answer = house.ask("writer", "POST", f"/api/v1/posts/{id_}/decisions", json=decision(id_))
    ensure_problem(answer, 403, "own-words")
    # Without that, the same person in the same role may.
    assert house.ask("reviewer", "POST", f"/api/v1/posts/{id_}/decisions", json=decision(id_)).status_code == 201


def test_nobody_decides_twice_and_the_same_key_gets_the_first_answer(house, make):
    post = make(a_post_in_review)
    address, first = f"/api/v1/posts/{post}/decisions", decision(post)
    once = house.ask("reviewer", "POST", address, json=first)
    assert once.status_code == 201
    with nothing_written():
        again = house.ask("reviewer", "POST", address, json=first)
        assert (again.status_code, again.json) == (201, once.json)
        ensure_problem(house.ask("reviewer", "POST", address, json=decision(post)), 409, "already-decided")
        other = {**first, "verdict": "reject", "reason": "misleading", "note": "No."}
        ensure_problem(house.ask("reviewer", "POST", address, json=other), 422, "key-reused")


def test_a_stage_of_an_earlier_submission_is_never_meant(house, make):
    """The same bytes again: the stage of the first round names that round, and is refused in the second."""
    post = make(a_post_in_review)
    earlier = decision(post)
    with transaction() as session:
        a_decision(
            session,
            session.get_one(Post, post),
            by=house.firm.other_reviewer,
            verdict=Verdict.REQUEST_CHANGES,
        )
        review.submit(session, session.get_one(Post, post), by=house.firm.marketer)
    assert decision(post)["seen"] == earlier["seen"]
    with nothing_written():
        ensure_problem(
            house.ask("reviewer", "POST", f"/api/v1/posts/{post}/decisions", json=earlier), 409, "stale-stage"
        )
    assert house.ask("reviewer", "POST", f"/api/v1/posts/{post}/decisions", json=decision(post)).status_code == 201


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"key": "1"}, "key"),
        ({"seen": "abc"}, "seen"),
        ({"verdict": "maybe"}, "verdict"),
        ({"verdict": "reject"}, "reason"),
        ({"verdict": "reject", "reason": "taste"}, "reason"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_decision_that_says_nothing_clear_is_refused_by_field(house, make, change, where):
    post = make(a_post_in_review)
    with nothing_written():
        answer = house.ask("reviewer", "POST", f"/api/v1/posts/{post}/decisions", json=decision(post, **change))
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert where in answer.text


# -- times -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({"publish_at": "2020-01-01T09:00:00Z"}, "past"),
        ({"publish_at": "soon"}, "soon"),
        ({"publish_at": "2099-01-01T09:00:00"}, "2099-01-01T09:00:00"),
        ({"zone": "Europe/Atlantis"}, "Europe/Atlantis"),
        ({"channels": ["site"]}, "site"),
        ({"channels": []}, "channel"),
    ],
)
def test_a_time_that_cannot_be_meant_is_refused_by_field(house, make, chosen, named):
    post = make(an_approved_post)
    with nothing_written():
        body = {"publish_at": "2099-01-01T09:00:00Z", "zone": "Europe/Zurich", **chosen}
        answer = house.ask("publisher", "POST", f"/api/v1/posts/{post}/schedule", json=body)
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert named in answer.json["detail"]


def test_a_time_outside_the_window_is_refused_and_one_inside_is_taken(house, make):
    window = {"not_before": datetime(2098, 1, 1, tzinfo=UTC), "not_after": datetime(2098, 2, 1, tzinfo=UTC)}
    address = f"/api/v1/posts/{make(an_approved_post, **window)}/schedule"
    for day, told in (("2097-12-31", "holds from"), ("2098-02-02", "holds until")):
        with nothing_written():
            body = {"publish_at": f"{day}T09:00:00Z", "zone": "UTC"}
            answer = house.ask("publisher", "POST", address, json=body)
        ensure_problem(answer, 422, "bad-time")
        assert told in places(answer)["publish_at"]
    inside = {"publish_at": "2098-01-15T09:00:00Z", "zone": "UTC"}
    assert house.ask("publisher", "POST", address, json=inside).json["standing"] == "scheduled"


def test_a_wall_time_that_clocks_skip_is_refused_and_one_that_comes_twice_is_asked_for(house, make):
    address = f"/posts/{make(an_approved_post)}/schedule"
    form = {"zone": "Europe/Zurich", "channels": "news"}
    for wall, told in (("2027-03-28T02:30", "clocks go forward"), ("2027-10-31T02:30", "twice")):
        with nothing_written():
            answer = house.ask("publisher", "POST", address, data={**form, "publish_at": wall})
        assert answer.status_code == 422
        assert told in answer.text
        assert f'value="{wall}"' in answer.text
    chosen = {**form, "publish_at": "2027-10-31T02:30", "fold": "1"}
    assert house.ask("publisher", "POST", address, data=chosen).status_code == 302


# -- words and files -------------------------------------------------------------------------------------------


def test_a_text_over_the_limit_of_its_network_is_named_at_submit_with_its_place(house, make):
    post = make(a_post, "Open at nine. " * 40, channel="desk")
    with nothing_written():
        answer = house.ask("marketer", "POST", f"/api/v1/posts/{post}/submit", json={})
    ensure_problem(answer, 422, "not-ready")
    assert "280" in places(answer)["texts.desk"]


def test_everything_that_keeps_a_post_from_review_is_named_at_once(house, make):
    post = make(a_post, "Open at nine. " * 40, channel="desk", disclosures=("Member FDIC.",))
    answer = house.ask("marketer", "POST", f"/api/v1/posts/{post}/submit", json={})
    assert {"texts.desk", "disclosures.0"} <= set(places(answer))


def a_bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header promises very many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (a_bomb(60_000, 60_000), "too many pixels"),
        (b"%PDF-1.7\n%%EOF\n", "application/pdf"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a JPEG"),
        (b"", "empty"),
    ],
)
def test_what_is_no_fit_image_is_refused_by_name(house, data, told):
    with nothing_written():
        answer = house.ask("marketer", "POST", "/api/v1/media", data={"file": (io.BytesIO(data), "x.png")})
    ensure_problem(answer, 422, "bad-file")
    assert told in answer.json["detail"]


def test_an_upload_of_20_megabytes_is_refused_in_both_languages(house, make):
    # Written by hand: the test client would keep so large a form in a file that nobody closes.
    head = b'--x\r\nContent-Disposition: form-data; name="file"; filename="big.png"\r\n\r\n'
    upload = {
        "data": head + bytes(20 * MIB) + b"\r\n--x--\r\n",
        "headers": {"Content-Type": "multipart/form-data; boundary=x"},
    }
    post = make(a_post)
    with nothing_written():
        answer = house.ask("marketer", "POST", "/api/v1/media", **upload)
        ensure_problem(answer, 413, "request-entity-too-large")
        assert "12 MB" in answer.json["detail"]
        page = house.ask("marketer", "POST", f"/posts/{post}/comments", **upload)
        assert (page.status_code, page.mimetype) == (413, "text/html")
        assert "at most 12 MB" in page.text and "Nothing was changed" in page.text
    small = {**upload, "data": head + a_picture() + b"\r\n--x--\r\n"}
    assert house.ask("marketer", "POST", "/api/v1/media", **small).status_code == 201


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b'{"title": NaN}', "application/json"),
        (b"[" * 100_000, "application/json"),
        (b"\xff\xfe", "application/json"),
        (b"title=x", "application/x-www-form-urlencoded"),
    ],
)
def test_what_is_no_json_object_is_refused_in_words(house, body, kind):
    with nothing_written():
        answer = house.ask("marketer", "POST", "/api/v1/posts", data=body, headers={"Content-Type": kind})
    assert answer.status_code in (400, 415, 422)
    assert answer.mimetype == "application/problem+json" and answer.json["detail"]


def test_every_field_at_fault_of_a_draft_is_named_at_once(house):
    body = {"workspace": "northwind", "title": "x" * 201, "texts": {"nowhere": "x"}, "colour": "red", "zone": "Mars"}
    with nothing_written():
        answer = house.ask("marketer", "POST", "/api/v1/posts", json=body)
    ensure_problem(answer, 422, "invalid")
    assert set(places(answer)) == {"title", "texts.nowhere", "colour", "zone"}


@pytest.mark.parametrize(
    "address",
    [
        f"/posts/{HUGE}",
        f"/api/v1/posts/{HUGE}",
        "/posts/" + "9" * 5000,
        f"/audit/northwind/{HUGE}",
        f"/audit?post={HUGE}",
        f"/audit?after={HUGE}",
        f"/posts/1?since={HUGE}",
        f"/admin/workflow/edit?from={HUGE}",
        f"/api/v1/posts?workspace=northwind&before={HUGE}",
        f"/api/v1/audit/entries?workspace=northwind&after={HUGE}",
        f"/api/v1/audit/entries/0/proof?workspace=northwind&size={HUGE}",
        f"/api/v1/find?q={HUGE}",
        f"/api/v1/exports/{HUGE}",
        f"/feeds/northwind/news?before={HUGE}",
        f"/media/public/{HUGE}/{'0' * 64}",
        f"/posts?before={HUGE}",
        f"/notices?before={HUGE}",
        f"/records?before={HUGE}",
        f"/tasks?after={HUGE}~x~{HUGE}",
        f"/calendar?month={HUGE}",
    ],
)
def test_a_number_that_no_database_holds_is_no_fault_of_the_server(house, address):
    assert house.ask("compliance", "GET", address).status_code < 500


# -- definitions -----------------------------------------------------------------------------------------------

STAGE = '[[stages]]\nslug = "peer"\nname = "Peer review"\nwho = "role:reviewer"\n'


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (STAGE + 'colour = "red"\n', "colour"),
        ("stages = [", "TOML"),
        (STAGE.replace("role:reviewer", "role:king"), "names no role"),
        (STAGE.replace("role:reviewer", "team:nobody"), "nobody"),
        (STAGE + "quorum = 5\n", "Peer review"),
    ],
)
def test_a_workflow_that_cannot_work_is_refused_by_its_place_and_shown_again(house, source, told):
    with nothing_written():
        form = {"source": source, "reason": "As agreed."}
        answer = house.ask("compliance", "POST", "/admin/workflow/text" + W, data=form)
    assert answer.status_code == 422
    assert told in re.sub(r"<textarea.*?</textarea>", "", answer.text, flags=re.DOTALL)
    assert "[[stages]]" in answer.text or "stages = [" in answer.text


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (('kind = "phrase"', 'kind = "phrase"\ncolour = "red"'), ("firm", "FIRM001", "colour")),
        (('kind = "phrase"', 'kind = "magic"'), ("firm", "FIRM001", "kind")),
        (("[pack]", "[pack"), ("firm",)),
    ],
)
def test_a_pack_that_cannot_be_read_is_refused_by_pack_rule_and_key(house, change, told):
    with nothing_written():
        form = {"source": PACK.replace(*change), "reason": "As agreed."}
        answer = house.ask("compliance", "POST", "/rules/propose" + W, data=form)
    assert answer.status_code == 422
    shown = re.sub(r"<textarea.*?</textarea>", "", answer.text, flags=re.DOTALL)
    assert [word for word in told if word not in shown] == []


@pytest.mark.parametrize("url", ["http://127.0.0.1:9000/hook", "https://10.0.0.1/hook", "http://hooks.example/in"])
def test_a_webhook_to_an_address_that_is_not_allowed_names_the_setting(house, url):
    with nothing_written():
        form = {"title": "Hooks", "name": "hooks", "network": "linkedin", "via": "webhook", "url": url}
        answer = house.ask("administrator", "POST", "/admin/channels" + W, data=form)
    assert answer.status_code == 422
    assert "APPROVAL_OUTBOUND_ALLOW" in answer.text


# -- a disk that is full ---------------------------------------------------------------------------------------


@contextmanager
def a_full_disk(engine: Engine) -> Iterator[None]:
    """Let the database grow by no page: SQLite then answers what it answers on a full disk."""

    def stop_growing(connection: Any) -> None:
        connection.exec_driver_sql("PRAGMA max_page_count=1")

    event.listen(engine, "begin", stop_growing)
    try:
        yield
    finally:
        event.remove(engine, "begin", stop_growing)
        engine.dispose()


def test_a_decision_on_a_full_disk_is_not_recorded_and_nothing_changed(house, make):
    """SQLite never lets `max_page_count` be less than what there is, so 1 means: not one page more."""
    post = make(a_post_in_review)
    address = f"/api/v1/posts/{post}/decisions"
    body = decision(post, verdict="request_changes", reason="misleading", note="Too much. " * 390)
    with a_full_disk(the_engine()), nothing_written():
        answer = house.ask("reviewer", "POST", address, json=body)
        ensure_problem(answer, 503, "not-recorded")
        assert answer.json["detail"].startswith("Not recorded") and "free space" in answer.json["detail"]
        page = house.ask("reviewer", "POST", f"/posts/{post}/decide", data=body)
        assert page.status_code == 503 and "Not recorded" in page.text and "Nothing was changed" in page.text
        read = house.ask("reviewer", "GET", f"/api/v1/posts/{post}")
        assert read.json["standing"] == "in_review" and read.json["stages"][0]["decisions"] == []
    with reading() as session:
        assert session.scalar(select(Decision.id).where(Decision.post == post)) is None
    # With room again, the very same decision is recorded, once.
    assert house.ask("reviewer", "POST", address, json=body).status_code == 201
    assert house.ask("reviewer", "POST", address, json=body).status_code == 201
    with reading() as session:
        assert len(session.scalars(select(Decision.id).where(Decision.post == post)).all()) == 1


# -- an installation that is not ready -------------------------------------------------------------------------


def approval(*arguments: str, wrapped: tuple[str, ...] = (), **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, in an empty folder of the environment that it is given."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("APPROVAL_")}
    return subprocess.run(
        [*wrapped, sys.executable, "-m", "approval.cli", *arguments],
        env={**clean, "PYTHONPATH": str(Path(__file__).parents[1]), "PYTHONDONTWRITEBYTECODE": "1", **environ},
        cwd="/",
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_a_database_that_is_not_migrated_is_named_with_the_remedy(tmp_path):
    done = approval("people", "list", APPROVAL_DATA=str(tmp_path))
    assert (done.returncode, done.stdout) == (3, "")
    assert "run `approval upgrade`" in done.stderr
    assert approval("upgrade", APPROVAL_DATA=str(tmp_path)).returncode == 0
    assert approval("people", "list", APPROVAL_DATA=str(tmp_path)).returncode == 0


def test_without_its_secret_key_nothing_is_served_behind_https(tmp_path):
    environ = {"APPROVAL_DATA": str(tmp_path), "APPROVAL_BASE_URL": "https://approval.example"}
    done = approval("serve", **environ)
    assert done.returncode == 2
    assert "APPROVAL_SECRET_KEY" in done.stderr
    assert list(tmp_path.iterdir()) == []
    assert approval("settings", **environ, APPROVAL_SECRET_KEY="k" * 40).returncode == 0


def test_a_half_written_secret_is_never_taken_for_a_whole_one(tmp_path):
    (tmp_path / "secret_key").touch()
    done = approval("settings", APPROVAL_DATA=str(tmp_path))
    assert done.returncode == 2 and "secret_key holds no whole secret" in done.stderr
    (tmp_path / "secret_key").unlink()
    assert approval("settings", APPROVAL_DATA=str(tmp_path)).returncode == 0
    assert [path.name for path in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("APPROVAL_SECRET_KEY", "short"),
        ("APPROVAL_BASE_URL", "http://approval.example"),
        ("APPROVAL_OUTBOUND_ALLOW", "10.0.0.0"),
        ("APPROVAL_LEASE_SECONDS", "soon"),
        ("APPROVAL_BASE_URL", "http://[::1"),
        ("APPROVAL_DATABASE_URL", "nonsense"),
        ("APPROVAL_OWNER_URL", "nonsense"),
        ("APPROVAL_SMTP_URL", "mail.example:25"),
    ],
)
def test_a_setting_that_cannot_be_is_named(tmp_path, name, value):
    done = approval("settings", **{"APPROVAL_DATA": str(tmp_path), name: value})
    assert (done.returncode, name in done.stderr) == (2, True)


def test_a_port_that_is_taken_is_named_with_the_next_one(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = approval("serve", "--port", str(port), APPROVAL_DATA=str(tmp_path))
    assert done.returncode == 2
    assert f"port {port} is taken" in done.stderr
    assert f"approval serve --port {port + 1}" in done.stderr and f"make run PORT={port + 1}" in done.stderr


def unprivileged() -> tuple[str, ...]:
    """What a command is wrapped in so that file permissions hold for it: nothing, unless root runs the tests.

    The interpreter may stand where only root may read, so root stays who it is and gives up its privileges.
    """
    if os.getuid() != 0:
        return ()
    assert shutil.which("setpriv"), "as root this test needs setpriv: apt-get install util-linux"
    return ("setpriv", "--bounding-set=-all", "--inh-caps=-all")


@pytest.mark.parametrize("environ", [{}, {"APPROVAL_SECRET_KEY": "k" * 40}], ids=["no key", "a key"])
@pytest.mark.parametrize("command", [["serve", "--port", "18765"], ["demo"], ["upgrade"]], ids=lambda c: c[0])
def test_a_data_folder_that_cannot_be_written_is_named(tmp_path, command, environ):
    folder = tmp_path / "data"
    folder.mkdir(mode=0o555)
    done = approval(*command, wrapped=unprivileged(), APPROVAL_DATA=str(folder / "inside"), **environ)
    assert done.returncode in (2, 3)
    assert "APPROVAL_DATA" in done.stderr and str(folder) in done.stderr
    assert "Traceback" not in done.stderr
    assert list(folder.iterdir()) == []


def test_control_with_the_right_to_write_the_same_child_works(tmp_path):
    done = approval("upgrade", wrapped=unprivileged(), APPROVAL_DATA=str(tmp_path / "inside"))
    assert (done.returncode, done.stderr.strip()) == (0, "the database is at this program's schema")
