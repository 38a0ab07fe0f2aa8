from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from factories import BLOCKED, a_workspace
from sqlalchemy import select

from approval.db import reading, transaction
from approval.errors import CapabilityMissing, Invalid, NotFound
from approval.posts import queries
from approval.posts.commands import COMMANDS
from approval.posts.models import Post

(posts,) = COMMANDS
GOOD = {"title": "Hours", "texts": {"news": "Open at nine."}}


def imported(tmp_path, lines, *options, name="drafts.jsonl"):
    file = tmp_path / name
    file.write_bytes(b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines))
    result = CliRunner().invoke(posts, ["import", str(file), *options])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def stored():
    with reading() as session:
        return session.scalars(select(Post).order_by(Post.id)).all()


def test_good_lines_are_kept_and_bad_ones_named_with_number_and_reason(firm, tmp_path):
    lines = [
        GOOD,
        b"{not json",
        {"text": BLOCKED, "network": "x"},
        {**GOOD, "product": "moonshots"},
        {**GOOD, "colour": "red"},
        {**GOOD, "texts": {"nowhere": "x"}},
        {**GOOD, "media": [{"digest": "0" * 64, "alt": ""}]},
        GOOD,
    ]
    result = imported(tmp_path, lines, "--format", "json")

    answer = json.loads(result.stdout)
    assert result.exit_code == 1
    assert [made["line"] for made in answer["made"]] == [1, 3, 8]
    assert [bad["line"] for bad in answer["bad"]] == [2, 4, 5, 6, 7]
    assert "line 4: product:" in result.stderr
    assert [post.id for post in stored()] == [made["id"] for made in answer["made"]]
    assert [post.severity for post in stored()] == [None, "block", None]


def test_only_good_lines_end_in_zero(firm_on_sqlite, tmp_path):
    result = imported(tmp_path, [GOOD] * 3)
    assert (result.exit_code, result.stdout) == (0, "3 drafts made in northwind, 0 bad lines\n")


def test_a_table_is_imported_too(firm_on_sqlite, tmp_path):
    lines = [b"text,network,title,product", b"Open at nine.,x,Hours,brand", b"Open.,nowhere,,", b"Open.,x,,"]
    result = imported(tmp_path, lines, name="drafts.CSV")
    assert result.exit_code == 1
    assert "line 3: network:" in result.stderr
    assert len(stored()) == 2


def test_the_host_user_is_recorded(firm_on_sqlite, tmp_path):
    imported(tmp_path, [GOOD])
    (post,) = stored()
    assert post.author.startswith("host:")


def test_with_as_the_person_and_the_host_user_are_both_editors(firm_on_sqlite, tmp_path):
    firm = firm_on_sqlite
    imported(tmp_path, [GOOD], "--as", firm.marketer.email)
    (post,) = stored()
    assert post.author == firm.marketer.id
    with reading() as session:
        editors = queries.editors(session, post.id)
    assert firm.marketer.id in editors
    assert any(editor.startswith("host:") for editor in editors)


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        (("--as", "nobody@northwind.example"), NotFound),
        (("--as", "ruth@northwind.example"), CapabilityMissing),
        (("--workspace", "elsewhere"), NotFound),
    ],
)
def test_an_import_that_nobody_may_make_makes_nothing(firm_on_sqlite, tmp_path, options, refusal):
    with pytest.raises(refusal):
        imported(tmp_path, [GOOD], *options)
    assert stored() == []


def test_with_several_workspaces_one_must_be_named(firm_on_sqlite, keys, tmp_path):
    with transaction() as session:
        a_workspace(session, keys, name="southwind")
    with pytest.raises(Invalid, match="northwind, southwind"):
        imported(tmp_path, [GOOD])
    assert imported(tmp_path, [GOOD], "--workspace", "northwind").exit_code == 0


@pytest.mark.parametrize("name", ["drafts.xlsx", "drafts"])
def test_other_files_are_refused_by_name(firm_on_sqlite, tmp_path, name):
    with pytest.raises(Invalid, match=name):
        imported(tmp_path, [GOOD], name=name)
    with pytest.raises(Invalid, match="No such file"):
        CliRunner().invoke(posts, ["import", str(tmp_path / "gone.jsonl")], catch_exceptions=False)
