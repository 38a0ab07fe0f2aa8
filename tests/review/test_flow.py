"""Workflows and standing, as tables: a definition in, facts in, standing out. No database."""

from __future__ import annotations

import contextlib
import os
from datetime import UTC, datetime
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from approval.errors import BadDefinition
from approval.review.flow import (
    ALL,
    Ask,
    Asked,
    Condition,
    Facts,
    Made,
    Outcome,
    Stage,
    Verdict,
    Who,
    Workflow,
    derive,
    first_short,
    parse_workflow,
    to_toml,
)
from approval.review.flow.definition import MAX_CHECKLIST, MAX_DUE_HOURS, MAX_QUORUM
from approval.rules.finding import TOPICS, Severity

FUZZ = int(os.environ.get("APPROVAL_FUZZ", "0"))
thorough = settings(max_examples=5000 if FUZZ else 150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
A, C, R = Verdict.APPROVE, Verdict.REQUEST_CHANGES, Verdict.REJECT
AT = datetime(2026, 11, 21, 9, tzinfo=UTC)


def a_stage(slug: str, quorum: int | str = 1, **given: object) -> Stage:
    return Stage(slug=slug, name=slug.title(), who=Who(Asked.ROLE, "reviewer"), quorum=quorum, **given)  # type: ignore[arg-type]


def decisions(*made: tuple[str, str, Verdict]) -> tuple[Made, ...]:
    return tuple(
        Made(n, stage, by, verdict, None, None, ("reviewer",), AT) for n, (stage, by, verdict) in enumerate(made)
    )


def standings(workflow: Workflow, *made: tuple[str, str, Verdict], **facts: object) -> tuple[str, str]:
    flow = derive(workflow, Facts(decisions=decisions(*made), **facts))  # type: ignore[arg-type]
    return " ".join(state.standing for state in flow.stages), str(flow.outcome)


# -- standing ---------------------------------------------------------------------------------------------------

TWO = Workflow((a_stage("peer"), a_stage("law")))


@pytest.mark.parametrize(
    ("made", "stages", "outcome"),
    [
        pytest.param([], "open waiting", "open", id="nothing decided: the first stage is open"),
        pytest.param([("peer", "r", A)], "approved open", "open", id="one approval opens the next"),
        pytest.param([("peer", "r", A), ("law", "c", A)], "approved approved", "approved", id="all approve"),
        pytest.param([("peer", "r", C)], "changes_requested waiting", "changes_requested", id="changes end the round"),
        pytest.param([("peer", "r", R)], "rejected waiting", "rejected", id="a rejection ends the round"),
        pytest.param(
            [("peer", "r", A), ("law", "c", C)], "approved changes_requested", "changes_requested", id="changes later"
        ),
        pytest.param([("peer", "r", A), ("law", "c", R)], "approved rejected", "rejected", id="rejected later"),
        pytest.param([("law", "c", A)], "open waiting", "open", id="an approval before its turn counts for nothing"),
        pytest.param([("law", "c", R)], "open waiting", "open", id="a rejection before its turn counts for nothing"),
        pytest.param([("peer", "r", A), ("law", "r", A)], "approved open", "open", id="one person counts at one stage"),
        pytest.param([("peer", "r", A), ("peer", "s", R)], "rejected waiting", "rejected", id="a rejection outweighs"),
    ],
)
def test_two_stages(made, stages, outcome):
    assert standings(TWO, *made) == (stages, outcome)


def test_one_person_may_decide_twice_only_where_the_workflow_says_so():
    twice = [("peer", "r", A), ("law", "r", A)]
    assert standings(TWO, *twice) == ("approved open", "open")
    assert standings(Workflow(TWO.stages, distinct=False), *twice) == ("approved approved", "approved")


def test_a_workflow_without_stages_approves_at_once():
    assert standings(Workflow()) == ("", "approved")


@pytest.mark.parametrize(
    ("quorum", "made", "stage", "count"),
    [
        pytest.param(2, [("x", "a", A)], "open", (1, 2), id="one of two"),
        pytest.param(2, [("x", "a", A), ("x", "b", A)], "approved", (2, 2), id="two of two"),
        pytest.param(2, [("x", "a", A), ("x", "a", A)], "open", (1, 2), id="the same person twice is one"),
        pytest.param(2, [("x", "a", A), ("x", "b", C)], "changes_requested", (1, 2), id="one of two asks for changes"),
        pytest.param(3, [("x", "a", A), ("x", "own", A), ("x", "b", A)], "open", (2, 3), id="own words never count"),
        pytest.param(1, [("x", "own", R)], "rejected", (0, 1), id="own words may still reject"),
        pytest.param(ALL, [("x", "a", A)], "open", (1, 2), id="all: one is missing"),
        pytest.param(ALL, [("x", "a", A), ("x", "b", A)], "approved", (2, 2), id="all have approved"),
        pytest.param(ALL, [("x", "a", A), ("x", "z", A)], "open", (1, 2), id="all: who was not asked replaces nobody"),
    ],
)
def test_quorum(quorum, made, stage, count):
    facts = Facts(decisions=decisions(*made), asked={"x": frozenset({"a", "b", "own"})}, own=frozenset({"own"}))
    (state,) = derive(Workflow((a_stage("x", quorum),)), facts).stages
    assert (state.standing, (state.got, state.needed)) == (stage, count)


def test_a_stage_for_all_is_not_done_when_everybody_asked_has_left():
    workflow = Workflow((a_stage("x", ALL),))
    assert standings(workflow) == ("open", "open")
    assert standings(workflow, ("x", "newcomer", A)) == ("approved", "approved")


def test_all_leaves_out_whoever_decided_at_an_earlier_stage():
    workflow = Workflow((a_stage("peer"), a_stage("law", ALL)))
    asked = {"law": frozenset({"a", "b"})}
    assert standings(workflow, ("peer", "a", A), ("law", "b", A), asked=asked) == ("approved approved", "approved")
    assert standings(workflow, ("peer", "z", A), ("law", "b", A), asked=asked) == ("approved open", "open")


@pytest.mark.parametrize(
    ("when", "facts", "asked"),
    [
        pytest.param({}, {}, True, id="no condition"),
        pytest.param({"severity": Severity.HIGH}, {}, False, id="no finding"),
        pytest.param({"severity": Severity.HIGH}, {"severity": Severity.MEDIUM}, False, id="below"),
        pytest.param({"severity": Severity.HIGH}, {"severity": Severity.HIGH}, True, id="at least: equal"),
        pytest.param({"severity": Severity.HIGH}, {"severity": Severity.BLOCK}, True, id="at least: graver"),
        pytest.param({"topics": {"guarantee", "tax-claim"}}, {"topics": {"tax-claim"}}, True, id="any of the topics"),
        pytest.param({"topics": {"guarantee"}}, {"topics": {"tax-claim"}}, False, id="another topic"),
        pytest.param({"networks": {"x"}}, {"networks": {"x", "blog"}}, True, id="one of its networks"),
        pytest.param({"networks": {"x"}}, {"networks": {"blog"}}, False, id="another network"),
        pytest.param({"products": {"crypto"}}, {"products": {"crypto"}}, True, id="the product"),
        pytest.param({"products": {"crypto"}}, {}, False, id="no product given"),
        pytest.param(
            {"networks": {"x"}, "products": {"crypto"}}, {"networks": {"x"}}, False, id="every part must hold"
        ),
    ],
)
def test_a_stage_is_asked_when_its_condition_holds(when, facts, asked):
    def fixed(given):
        return {key: frozenset(value) if isinstance(value, set) else value for key, value in given.items()}

    workflow = Workflow((a_stage("x", when=Condition(**fixed(when))),))
    assert standings(workflow, **fixed(facts))[0] == ("open" if asked else "skipped")


def test_a_skipped_stage_stands_in_nobodys_way():
    never = a_stage("never", when=Condition(severity=Severity.BLOCK))
    workflow = Workflow((never, a_stage("peer"), never, a_stage("law"), never))
    assert standings(workflow, ("peer", "r", A))[0] == "skipped approved skipped open skipped"


# -- properties -------------------------------------------------------------------------------------------------

people = st.sampled_from("abcdef")
stages_ = st.lists(
    st.tuples(st.sampled_from([1, 2, 3, ALL]), st.sampled_from([None, Severity.LOW, Severity.HIGH])), max_size=5
)


@st.composite
def rounds(draw):
    drawn = draw(stages_)
    workflow = Workflow(
        tuple(
            a_stage(f"s{n}", quorum, when=Condition(severity=severity)) for n, (quorum, severity) in enumerate(drawn)
        ),
        distinct=draw(st.booleans()),
    )
    slugs = [stage.slug for stage in workflow.stages] or ["none"]
    made = draw(st.lists(st.tuples(st.sampled_from(slugs), people, st.sampled_from(Verdict)), max_size=12))
    facts = Facts(
        severity=draw(st.sampled_from([None, *Severity])),
        decisions=decisions(*made),
        asked={slug: draw(st.frozensets(people)) for slug in slugs},
        own=draw(st.frozensets(people, max_size=2)),
    )
    return workflow, facts


@thorough
@given(rounds())
def test_at_most_one_stage_is_open_and_only_in_an_open_round(drawn):
    flow = derive(*drawn)
    is_open = [state for state in flow.stages if state.standing == "open"]
    assert len(is_open) == (1 if flow.outcome is Outcome.OPEN else 0)


@thorough
@given(rounds())
def test_nothing_is_approved_without_its_quorum_of_others(drawn):
    workflow, facts = drawn
    flow = derive(workflow, facts)
    seen: set[str] = set()
    for state in flow.stages:
        if state.standing != "approved":
            continue
        approvers = {made.by for made in state.decisions if made.verdict is A} - facts.own
        if workflow.distinct:
            assert len(approvers - seen) >= (1 if state.stage.quorum == ALL else state.stage.quorum)
            seen |= {made.by for made in state.decisions if made.verdict is A}
        assert len(approvers) >= (1 if state.stage.quorum == ALL else state.stage.quorum)


@thorough
@given(rounds())
def test_taking_somebodys_say_away_never_approves_more(drawn):
    workflow, facts = drawn
    everybody = Facts(facts.severity, decisions=facts.decisions, asked=facts.asked)
    nobody = Facts(facts.severity, decisions=facts.decisions, asked=facts.asked, own=frozenset("abcdef"))
    asked = [state for state in derive(workflow, nobody).stages if state.standing != "skipped"]
    assert all(state.standing != "approved" for state in asked)
    assert [s.standing == "skipped" for s in derive(workflow, everybody).stages] == [
        s.standing == "skipped" for s in derive(workflow, nobody).stages
    ]


@thorough
@given(rounds())
def test_the_order_within_a_stage_changes_nothing(drawn):
    workflow, facts = drawn
    for order in list(permutations(facts.decisions[:4]))[:6]:
        mixed = Facts(facts.severity, decisions=(*order, *facts.decisions[4:]), asked=facts.asked, own=facts.own)
        assert [s.standing for s in derive(workflow, mixed).stages] == [
            s.standing for s in derive(workflow, facts).stages
        ]


# -- enough people ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asks", "distinct", "short"),
    [
        pytest.param([("a", 1, "x"), ("b", 1, "y")], True, None, id="one for each"),
        pytest.param([("a", 1, "x"), ("b", 1, "x")], True, "b", id="one person for two stages"),
        pytest.param([("a", 1, "x"), ("b", 1, "x")], False, None, id="one person may take both"),
        pytest.param([("a", 1, "xy"), ("b", 1, "x")], True, None, id="the first gives way"),
        pytest.param([("a", 2, "xy"), ("b", 1, "xz")], True, None, id="two and one of three"),
        pytest.param([("a", 2, "xy"), ("b", 1, "y")], True, "b", id="two and one of two"),
        pytest.param([("a", 3, "xy")], True, "a", id="three of two"),
        pytest.param([("a", 1, "")], False, "a", id="nobody"),
    ],
)
def test_too_few_people_are_named_by_stage(asks, distinct, short):
    found = first_short([Ask(slug, needed, frozenset(who)) for slug, needed, who in asks], distinct=distinct)
    assert (found and found.slug) == short


@thorough
@given(st.lists(st.tuples(st.integers(1, 2), st.frozensets(st.sampled_from("abcd"))), min_size=1, max_size=3))
def test_seating_agrees_with_trying_everything(drawn):
    asks = [Ask(str(n), needed, who) for n, (needed, who) in enumerate(drawn)]
    seats = [ask.people for ask in asks for _ in range(ask.needed)]
    possible = any(
        all(person in seat for person, seat in zip(order, seats, strict=False))
        for order in permutations("abcd", len(seats))
    )
    assert (first_short(asks, distinct=True) is None) == possible


# -- definitions ------------------------------------------------------------------------------------------------

FULL = """
distinct = false

[[stages]]
slug = "peer"
name = "Peer   review"
who = "role:reviewer"

[[stages]]
slug = "legal"
name = "Legal"
who = "team:legal"
quorum = 2
due_hours = 12
checklist = ["Evidence is filed"]
when = { severity = "high", topics = ["guarantee"], networks = ["x"], products = ["crypto"] }

[[stages]]
slug = "board"
name = "Board"
who = "person:ada@northwind.example"
quorum = "all"
"""


def test_a_definition_says_what_it_means():
    workflow = parse_workflow(FULL)
    peer, legal, board = workflow.stages
    assert not workflow.distinct
    assert peer == Stage("peer", "Peer review", Who(Asked.ROLE, "reviewer"))
    assert (legal.quorum, legal.due_hours, legal.checklist) == (2, 12, ("Evidence is filed",))
    assert legal.when == Condition(Severity.HIGH, frozenset({"guarantee"}), frozenset({"x"}), frozenset({"crypto"}))
    assert (str(board.who), board.quorum) == ("person:ada@northwind.example", ALL)


def test_different_people_are_the_default():
    assert parse_workflow("").distinct
    assert parse_workflow("stages = []").stages == ()


def stage_with(**changes: str) -> str:
    fields = {"slug": '"peer"', "name": '"Peer"', "who": '"role:reviewer"'} | changes
    return "[[stages]]\n" + "\n".join(f"{key} = {value}" for key, value in fields.items() if value)


@pytest.mark.parametrize(
    ("source", "where"),
    [
        pytest.param("stages = [", "source", id="not TOML"),
        pytest.param("stages = " + "[" * 2000, "source", id="nested without end"),
        pytest.param("n = " + "1" * 5000, "source", id="a number without end"),
        pytest.param('title = "x"', "title", id="an unknown key"),
        pytest.param("distinct = 1", "distinct", id="not a boolean"),
        pytest.param("stages = 3", "stages", id="stages that are none"),
        pytest.param("stages = [1]", "stages", id="a stage that is none"),
        pytest.param(stage_with(colour='"red"'), "stages.peer.colour", id="an unknown key of a stage"),
        pytest.param(stage_with(slug='"Peer Review"'), "stages.1.slug", id="not a slug"),
        pytest.param(stage_with(slug=""), "stages.1.slug", id="no slug"),
        pytest.param(stage_with() + "\n" + stage_with(), "stages.peer.slug", id="the same slug twice"),
        pytest.param(stage_with(name='""'), "stages.peer.name", id="no name"),
        pytest.param(stage_with(name='"a\\u0007"'), "stages.peer.name", id="a bell in the name"),
        pytest.param(stage_with(who=""), "stages.peer.who", id="nobody"),
        pytest.param(stage_with(who='""'), "stages.peer.who", id="an empty who"),
        pytest.param(stage_with(who='"role:boss"'), "stages.peer.who", id="no such role"),
        pytest.param(stage_with(who='"team:"'), "stages.peer.who", id="a team without a name"),
        pytest.param(stage_with(who='"reviewer"'), "stages.peer.who", id="neither role, team nor person"),
        pytest.param(stage_with(quorum="0"), "stages.peer.quorum", id="quorum 0"),
        pytest.param(stage_with(quorum="-1"), "stages.peer.quorum", id="quorum below 0"),
        pytest.param(stage_with(quorum="true"), "stages.peer.quorum", id="quorum true"),
        pytest.param(stage_with(quorum='"most"'), "stages.peer.quorum", id="quorum most"),
        pytest.param(stage_with(quorum=str(MAX_QUORUM + 1)), "stages.peer.quorum", id="quorum too high"),
        pytest.param(stage_with(due_hours="0"), "stages.peer.due_hours", id="due at once"),
        pytest.param(stage_with(due_hours=str(MAX_DUE_HOURS + 1)), "stages.peer.due_hours", id="due never"),
        pytest.param(stage_with(checklist='"read it"'), "stages.peer.checklist", id="a checklist that is none"),
        pytest.param(stage_with(checklist=str(["x"] * (MAX_CHECKLIST + 1))), "stages.peer.checklist", id="a long list"),
        pytest.param(stage_with(when="true"), "stages.peer.when", id="a condition that is none"),
        pytest.param(stage_with(when="{ mood = 1 }"), "stages.peer.when.mood", id="an unknown condition"),
        pytest.param(stage_with(when='{ severity = "awful" }'), "stages.peer.when.severity", id="no such severity"),
        pytest.param(stage_with(when='{ topics = ["luck"] }'), "stages.peer.when.topics", id="no such topic"),
        pytest.param(stage_with(when='{ networks = ["fax"] }'), "stages.peer.when.networks", id="no such network"),
        pytest.param(stage_with(when='{ products = ["gold"] }'), "stages.peer.when.products", id="no such product"),
        pytest.param("\n".join(stage_with(slug=f'"s{n}"') for n in range(21)), "stages", id="21 stages"),
    ],
)
def test_what_cannot_work_is_refused_by_its_place(source, where):
    with pytest.raises(BadDefinition) as refused:
        parse_workflow(source)
    assert [problem.where for problem in refused.value.problems] == [where]


def test_everything_wrong_is_named_at_once():
    with pytest.raises(BadDefinition) as refused:
        parse_workflow(stage_with(quorum="0", who='""') + "\n" + stage_with(slug='"law"', when="{ topics = 1 }"))
    assert {problem.where for problem in refused.value.problems} == {
        "stages.peer.quorum",
        "stages.peer.who",
        "stages.law.when.topics",
    }


def test_a_source_of_megabytes_is_refused_before_it_is_read():
    with pytest.raises(BadDefinition, match="64 KiB"):
        parse_workflow("#" * 70_000)


lines_ = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20)


@st.composite
def workflows(draw):
    slugs = draw(st.lists(st.from_regex(r"[a-z][a-z0-9]{0,8}", fullmatch=True), max_size=5, unique=True))
    return Workflow(
        tuple(
            Stage(
                slug=slug,
                name=draw(lines_),
                who=draw(
                    st.sampled_from([Who(Asked.ROLE, "compliance"), Who(Asked.TEAM, "law"), Who(Asked.PERSON, "p1")])
                ),
                quorum=draw(st.sampled_from([1, 2, MAX_QUORUM, ALL])),
                due_hours=draw(st.integers(1, MAX_DUE_HOURS)),
                checklist=tuple(draw(st.lists(lines_, max_size=3))),
                when=Condition(
                    draw(st.sampled_from([None, *Severity])),
                    draw(st.frozensets(st.sampled_from(TOPICS), max_size=3)),
                    draw(st.frozensets(st.sampled_from(["x", "blog"]))),
                    draw(st.frozensets(st.sampled_from(["crypto", "isa"]))),
                ),
            )
            for slug in slugs
        ),
        distinct=draw(st.booleans()),
    )


@thorough
@given(workflows())
def test_what_is_written_is_read_back(workflow):
    assert parse_workflow(to_toml(workflow)) == workflow


@thorough
@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(source):
    with contextlib.suppress(BadDefinition):
        assert parse_workflow(source).stages is not None
