from __future__ import annotations

import pytest

from approval.errors import Invalid
from approval.people.models import Via
from approval.people.queries import ChannelFacts, WorkspaceFacts
from approval.posts.draft import draft_from_json
from approval.posts.models import Objective

WORKSPACE = WorkspaceFacts("northwind", "Northwind", "us-bank", "bank", "Europe/Zurich")
CHANNELS = (
    ChannelFacts(1, "northwind", "news", "News", "blog", Via.FEED, False),
    ChannelFacts(2, "northwind", "desk", "Desk", "x", Via.MANUAL, True),
)
LEAST = {"title": "Hours", "texts": {"news": "Open at nine."}}


def parsed(**changes):
    return draft_from_json({**LEAST, **changes}, WORKSPACE, CHANNELS)


def test_regime_and_zone_default_to_the_workspaces():
    draft = parsed()
    assert (draft.workspace, draft.regime, draft.zone) == ("northwind", "us-bank", "Europe/Zurich")


def test_a_draft_may_lack_what_only_submit_asks_for():
    draft = parsed(texts={"news": "", "desk": "x" * 5_000}, media=[{"digest": "0" * 64}])
    assert draft.texts["news"] == ""
    assert draft.media[0].alt == ""


def test_everything_that_the_contract_names_is_read():
    draft = parsed(
        workspace="northwind",
        title="  Hours\n in  Zug ",
        texts={"news": "a\r\nb"},
        media=[{"digest": "ab" * 32, "alt": " A door "}],
        disclosures=["Member FDIC"],
        regime="uk",
        product="savings",
        audience="retail",
        objective={"kind": "service", "kpi": "calls", "baseline": 120, "target": 99.5},
        in_reply_to="https://example.com/1",
        not_before="2026-11-21T10:00:00+01:00",
        not_after="2026-12-21T09:00:00Z",
        publish_at="2026-11-22T09:00:00Z",
        zone="Europe/London",
    )
    assert (draft.title, draft.texts) == ("Hours in Zug", {"news": "a\nb"})
    assert draft.media[0].alt == "A door"
    assert draft.goal is not None
    assert (draft.goal.kind, draft.goal.kpi, draft.goal.baseline, draft.goal.target) == (
        Objective.SERVICE,
        "calls",
        "120",
        "99.5",
    )
    assert draft.not_before is not None
    assert draft.not_before.isoformat() == "2026-11-21T09:00:00+00:00"
    assert draft.payload.channels == ("news",)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"colour": "red"}, "colour"),
        ({"\ud800": 1}, "?"),
        ({"workspace": "other"}, "workspace"),
        ({"title": None}, "title"),
        ({"title": " \n"}, "title"),
        ({"title": 7}, "title"),
        ({"title": "x" * 201}, "title"),
        ({"texts": "words"}, "texts"),
        ({"texts": {"nowhere": "words"}}, "texts.nowhere"),
        ({"texts": {"news": 7}}, "texts.news"),
        ({"texts": {"news": None}}, "texts.news"),
        ({"texts": {"news": "a\x00b"}}, "texts.news"),
        ({"texts": {"news": "a\ud800b"}}, "texts.news"),
        ({"texts": {"news": "x" * 100_001}}, "texts.news"),
        ({"texts": {f"c{n}": "" for n in range(21)}}, "texts"),
        ({"media": [{"digest": "0" * 64, "alt": ""}] * 2}, "media"),
        ({"media": [{"digest": f"{n:064x}", "alt": ""} for n in range(11)]}, "media"),
        ({"media": ["door.png"]}, "media.0"),
        ({"media": [{"digest": "AB" * 32}]}, "media.0.digest"),
        ({"media": [{"digest": "0" * 64, "alt": "x" * 5_001}]}, "media.0.alt"),
        ({"media": [{"digest": "0" * 64, "name": "door.png"}]}, "media.0.name"),
        ({"disclosures": "Member FDIC"}, "disclosures"),
        ({"disclosures": ["  "]}, "disclosures.0"),
        ({"regime": "mars"}, "regime"),
        ({"product": "moonshots"}, "product"),
        ({"audience": "everyone"}, "audience"),
        ({"objective": {"kpi": "calls"}}, "objective.kind"),
        ({"objective": {"kind": "fame"}}, "objective.kind"),
        ({"objective": {"kind": "brand", "owner": "me"}}, "objective.owner"),
        ({"objective": {"kind": "brand", "target": True}}, "objective.target"),
        ({"objective": {"kind": "brand", "target": 10**400}}, "objective.target"),
        ({"in_reply_to": "javascript:alert(1)"}, "in_reply_to"),
        ({"in_reply_to": "http://[::1"}, "in_reply_to"),
        ({"not_before": "tomorrow"}, "not_before"),
        ({"not_before": "2026-11-21T09:00:00"}, "not_before"),
        ({"not_before": "0001-01-01T00:00:00+14:00"}, "not_before"),
        ({"publish_at": "9999-12-31T23:59:59Z"}, "publish_at"),
        ({"publish_at": 1_700_000_000}, "publish_at"),
        ({"zone": "Mars/Olympus"}, "zone"),
        ({"zone": "../../etc/passwd"}, "zone"),
        ({"not_before": "2026-11-21T09:00:00Z", "not_after": "2026-11-21T09:00:00Z"}, "not_after"),
    ],
)
def test_what_cannot_stand_in_a_revision_is_named(changes, where):
    with pytest.raises(Invalid) as refusal:
        parsed(**changes)
    assert where in {problem.where for problem in refusal.value.problems}


def test_every_field_at_fault_is_named_at_once():
    with pytest.raises(Invalid) as refusal:
        parsed(title="", product="moonshots", zone="Mars/Olympus")
    assert [problem.where for problem in refusal.value.problems] == ["title", "product", "zone"]
    assert refusal.value.detail.endswith("(2 more)")


@pytest.mark.parametrize("body", [None, [], "words", 7])
def test_a_post_is_an_object(body):
    with pytest.raises(Invalid):
        draft_from_json(body, WORKSPACE, CHANNELS)
