"""A proposal put on rules that are newer than those it was made from."""

from __future__ import annotations

import tomllib

import pytest
from factories import Firm, a_firm
from hypothesis import given, settings as hypothesis, strategies as st

from approval.db import reading, transaction
from approval.errors import AlreadyDecided, CapabilityMissing, Conflict, OwnWords
from approval.people.models import Proposal
from approval.rules import RuleSet
from approval.rules.kinds import KINDS
from approval.screening import queries, services
from approval.screening.naming import KIND_NAMES
from approval.screening.services import changing, merging, packing

WORDS = b'[pack]\ntitle = "Words"\n[words]\nbank = ["banks?"]\n'
RULE = """[[rule]]
id = "{id}"
name = "word-{id_}"
kind = "phrase"
topic = "guarantee"
severity = "{severity}"
match = ["{id_}"]
message = "{{match}}"
why = "{why}"
citation = {{ text = "Rule 1", as_of = 2026-11-01 }}
suggestion = "Delete it."
flags = ["{id_}!"]
passes = ["Nothing."]
"""


def a_pack(*ids, severity="low", why="Nobody knows.", title="Ours", **about):
    head = packing.to_toml({"pack": {"title": title, **about}})
    return "\n".join(
        [head, *(RULE.format(id=id_, id_=id_.lower(), severity=severity, why=why) for id_ in ids)]
    ).encode()


def says(source):
    """A pack as the merge reads it: every rule, every state, and the rest."""
    return merging._items(source)


# -- three versions made one ------------------------------------------------------------------------------------


def test_a_rule_of_each_side_stands_in_what_is_merged():
    base = {"words": WORDS, "firm": a_pack("ONE101")}
    force, proposed = (base | {"firm": a_pack("ONE101", new)} for new in ("TWO101", "SIX101"))
    found = merging.merged(base, force, proposed)
    assert {rule["id"] for rule in tomllib.loads(found["firm"].decode())["rule"]} == {"ONE101", "TWO101", "SIX101"}
    assert found["words"] == WORDS
    RuleSet.parse(found)


def test_without_the_rules_in_force_the_merge_is_the_proposal():
    base = {"firm": a_pack("ONE101")}
    proposed = {"firm": a_pack("ONE101", "TWO101"), "firm-desk": a_pack("SIX101")}
    assert merging.merged(base, base, proposed) == proposed
    assert merging.merged(base, proposed, base) == proposed


@pytest.mark.parametrize(
    ("force", "proposed", "named"),
    [
        (a_pack("ONE101", severity="high"), a_pack("ONE101", severity="block"), "ONE101"),
        (a_pack("ONE101", severity="high"), a_pack(), "ONE101"),
        (a_pack("ONE101", off=["ONE101"]), a_pack("ONE101", shadow=["ONE101"]), "ONE101"),
        (a_pack("ONE101", title="This"), a_pack("ONE101", title="That"), "title"),
        (a_pack("ONE101", title="This"), a_pack("ONE101", about="That"), "about"),
        (None, a_pack("ONE101", "TWO101"), "firm"),
        (a_pack("ONE101", "TWO101"), None, "firm"),
    ],
)
def test_what_both_change_otherwise_is_refused_by_name(force, proposed, named):
    base = {"words": WORDS, "firm": a_pack("ONE101")}
    sides = [{"words": WORDS} | ({"firm": source} if source else {}) for source in (force, proposed)]
    with pytest.raises(Conflict) as refusal:
        merging.merged(base, *sides)
    assert named in {problem.where for problem in refusal.value.problems}


def an_amended_pack(*rules):
    """The firm's own pack with amendments; each of *rules* is the id of a rule and a severity."""
    source = a_pack("ONE101").decode()
    for id_, severity in rules:
        source = packing.with_amendment(source, {"rule": id_, "severity": severity})
    return source.encode()


def test_amendments_are_merged_one_by_one():
    shipped = {"words": WORDS, "conduct": a_pack("PRO101", "PRO102", "PRO103")}
    sides = ((("PRO101", "high"), ("PRO102", "high")), (("PRO101", "high"), ("PRO103", "high")))
    base, force, proposed = ({**shipped, "firm": an_amended_pack(*side)} for side in ((("PRO101", "high"),), *sides))
    found = merging.merged(base, force, proposed)
    assert set(says(found["firm"])) == {
        ("rest", "title"),
        ("rule", "ONE101"),
        *(("amend", f"PRO10{n}") for n in (1, 2, 3)),
    }
    RuleSet.parse(found)
    gone = merging.merged(base, force, {**shipped, "firm": an_amended_pack()})
    assert [name for section, name in says(gone["firm"]) if section == "amend"] == ["PRO102"]


def test_a_rule_amended_by_both_otherwise_is_refused_by_name():
    shipped = {"words": WORDS, "conduct": a_pack("PRO101")}
    base, force, proposed = (
        {**shipped, "firm": an_amended_pack(("PRO101", severity))} for severity in ("high", "medium", "block")
    )
    with pytest.raises(Conflict) as refusal:
        merging.merged(base, force, proposed)
    assert [(one.where, one.what) for one in refusal.value.problems] == [("PRO101", "word-pro101")]
    assert merging.merged(base, force, force) == force


def test_what_both_change_alike_is_no_clash():
    base, same = {"firm": a_pack("ONE101")}, a_pack("ONE101", severity="high")
    found = merging.merged(base, {"firm": same}, {"firm": same + a_pack("TWO101").partition(b"\n\n")[2]})
    assert set(says(found["firm"])) == {("rest", "title"), ("rule", "ONE101"), ("rule", "TWO101")}


IDS = [f"ONE10{n}" for n in range(4)]
SIDES = st.fixed_dictionaries(
    {},
    optional={id_: st.sampled_from(["high", "gone", "off", "shadow"]) for id_ in IDS}
    | {"NEW101": st.sampled_from(["high", "off", "shadow"])},
)


def changed(source, side):
    for id_, what in side.items():
        if what == "gone":
            source = packing.without_rule(source, id_)
        elif what == "high":
            source = packing.with_rule(source, tomllib.loads(a_pack(id_, severity="high").decode())["rule"][0])
        else:
            source = packing.with_state(source, [id_], what)
    return source


@given(SIDES, SIDES)
@hypothesis(deadline=None, max_examples=60)
def test_each_side_keeps_what_it_changed_and_only_a_clash_is_refused(mine, theirs):
    base = a_pack(*IDS).decode()
    force, proposed = (changed(base, side) for side in (mine, theirs))
    clash = any(theirs[id_] != what and _same_item(what, theirs[id_]) for id_, what in mine.items() if id_ in theirs)
    try:
        found = merging.merged(*({"firm": source.encode()} for source in (base, force, proposed)))
    except Conflict:
        assert clash
        return
    assert not clash
    assert says(found["firm"]) == says(changed(force, theirs).encode())


def _same_item(one, other):
    """Whether both change the rule itself, or both its state."""
    return ({one, other} == {"high", "gone"}) or {one, other} == {"off", "shadow"}


def test_a_rule_is_taken_out_and_every_other_keeps_its_words():
    first, second, third = (a_pack(id_).partition(b"\n\n")[2].decode() for id_ in ("ONE101", "TWO101", "SIX101"))
    source = f'[pack]\ntitle = "Ours"\n\n{first}\n# the second\n{second}\n# the third\n{third}'
    left = packing.without_rule(source, "ONE101")
    assert left == f'[pack]\ntitle = "Ours"\n\n# the second\n{second}\n# the third\n{third}'
    assert packing.without_rule(source, "NONE101") == source
    assert "rule" not in tomllib.loads(packing.without_rule(a_pack("ONE101").decode(), "ONE101"))


def test_changes_are_told_rule_by_rule():
    before = {"words": WORDS, "firm": a_pack("ONE101", "TWO101")}
    after = {"words": WORDS, "firm": a_pack("ONE101", "SIX101", severity="high", off=["ONE101"], title="New")}
    assert [(one.id, one.name, one.what) for one in merging.changes(before, after)] == [
        ("", "title", "changed"),
        ("ONE101", "word-one101", "changed"),
        ("SIX101", "word-six101", "new"),
        ("TWO101", "word-two101", "gone"),
        ("ONE101", "word-one101", "switched off"),
    ]
    assert merging.changes(before, before) == ()
    assert [one.id for one in merging.changes({}, {"firm": a_pack("ONE101")})] == ["ONE101"]


def test_what_a_late_proposal_would_undo_is_told():
    base = {"firm": a_pack("ONE101")}
    force = {"firm": a_pack("ONE101", "TWO101")}
    assert [one.id for one in merging.undone(base, force, {"firm": a_pack("ONE101", "SIX101")})] == ["TWO101"]
    assert merging.undone(base, force, {"firm": a_pack("ONE101", "TWO101", "SIX101")}) == ()
    assert merging.undone(base, base, {"firm": a_pack("SIX101")}) == ()


# -- in a firm --------------------------------------------------------------------------------------------------


@pytest.fixture
def few(monkeypatch):
    """A release of one small pack: the shipped ones take seconds to prove, and are proven elsewhere."""
    monkeypatch.setattr(changing, "load_packs", lambda: RuleSet.parse({"conduct": a_pack("PRO101")}))


@pytest.fixture
def firm(few, sqlite, keys, prepared) -> Firm:
    return prepared("firm with one small pack", lambda: a_firm(keys), sqlite, keys)


@pytest.fixture
def packs(firm: Firm):
    """Propose the firm's own pack, by whom; the id of the proposal."""

    def propose(source, *, by):
        with transaction() as session:
            force = queries.version_in_force(session, firm.workspace)
            packs = {**queries.packs_of(session, force.id), "firm": source}
            services.propose_rules(session, firm.workspace, packs, by=by, reason="Because of the fish.")
        with reading() as session:
            return session.query(Proposal).order_by(Proposal.id.desc()).first().id

    return propose


def answer(proposal, verb, **options):
    with transaction() as session:
        return verb(session, session.get_one(Proposal, proposal), **options).number


def in_force(firm):
    with reading() as session:
        force = queries.version_in_force(session, firm.workspace)
        return force.number, says(dict(queries.packs_of(session, force.id))["firm"])


def test_an_overtaken_proposal_is_made_anew_and_its_author_seconds_it(firm, packs):
    first, late = (packs(a_pack(id_), by=firm.compliance) for id_ in ("ONE101", "TWO101"))
    answer(first, services.second_rules, by=firm.other_compliance, accept=True)

    assert answer(late, services.propose_anew, by=firm.other_compliance) == 4
    with reading() as session:
        old, new = session.get_one(Proposal, late), session.query(Proposal).order_by(Proposal.id.desc()).first()
        assert (old.accepted, new.proposed_by, new.decided_at) == (False, firm.other_compliance.id, None)
        assert new.reason == "Version 3, made anew: Because of the fish."
    with pytest.raises(OwnWords):
        answer(new.id, services.second_rules, by=firm.other_compliance, accept=True)
    answer(new.id, services.second_rules, by=firm.compliance, accept=True)
    assert in_force(firm)[0] == 4
    assert {("rule", "ONE101"), ("rule", "TWO101")} <= set(in_force(firm)[1])


def test_control_put_in_force_as_it_is_the_late_one_undoes_the_first(firm, packs):
    first, late = (packs(a_pack(id_), by=firm.compliance) for id_ in ("ONE101", "TWO101"))
    for proposal in (first, late):
        answer(proposal, services.second_rules, by=firm.other_compliance, accept=True)
    assert ("rule", "ONE101") not in in_force(firm)[1]


def test_the_author_may_not_make_their_own_anew(firm, packs):
    first, late = (packs(a_pack(id_), by=firm.compliance) for id_ in ("ONE101", "TWO101"))
    answer(first, services.second_rules, by=firm.other_compliance, accept=True)
    with pytest.raises(OwnWords):
        answer(late, services.propose_anew, by=firm.compliance)
    with pytest.raises(CapabilityMissing):
        answer(late, services.propose_anew, by=firm.reviewer)
    answer(late, services.second_rules, by=firm.other_compliance, accept=False)
    with pytest.raises(AlreadyDecided):
        answer(late, services.propose_anew, by=firm.other_compliance)


def test_a_clash_leaves_the_proposal_waiting(firm, packs):
    first, late = (packs(a_pack("ONE101", severity=severity), by=firm.compliance) for severity in ("high", "block"))
    answer(first, services.second_rules, by=firm.other_compliance, accept=True)
    with pytest.raises(Conflict):
        answer(late, services.propose_anew, by=firm.other_compliance)
    with reading() as session:
        assert session.get_one(Proposal, late).decided_at is None


def test_every_kind_of_rule_has_a_name_for_people():
    assert set(KIND_NAMES) == set(KINDS)
