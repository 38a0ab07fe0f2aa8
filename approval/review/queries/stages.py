"""The stages of a workflow in words, for pages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from approval.db import Session
from approval.people.queries import names_of
from approval.review.flow import ALL, Asked, Condition, Who, Workflow
from approval.screening.naming import amid_words, network_name


@dataclass(frozen=True)
class StageLine:
    """One stage as people read it."""

    slug: str
    name: str
    who: str
    quorum: str
    when: str
    due: str
    checklist: tuple[str, ...]


def stage_lines(session: Session, workflow: Workflow) -> tuple[StageLine, ...]:
    """Return the stages of a workflow in words, people by name."""
    persons = {stage.who.name for stage in workflow.stages if stage.who.kind is Asked.PERSON}
    names = names_of(session, persons)
    return tuple(
        StageLine(
            slug=stage.slug,
            name=stage.name,
            who=who_in_words(stage.who, names),
            quorum="everybody" if stage.quorum == ALL else "one" if stage.quorum == 1 else f"{stage.quorum} people",
            when=condition_in_words(stage.when),
            due=hours_in_words(stage.due_hours),
            checklist=stage.checklist,
        )
        for stage in workflow.stages
    )


def who_in_words(who: Who, names: dict[str, str]) -> str:
    """Name whom a stage asks; *names* gives the names of people."""
    match who.kind:
        case Asked.ROLE:
            return who.name.capitalize()
        case Asked.TEAM:
            return f"Team {who.name}"
        case Asked.PERSON:
            return names.get(who.name, who.name)


def condition_in_words(when: Condition) -> str:
    """Say when a stage is asked."""
    return "; ".join(_parts(when)) or "always"


def _parts(when: Condition) -> Iterator[str]:
    if when.severity is not None:
        worse = "" if when.severity == "block" else " or worse"
        yield f"a finding of {when.severity}{worse}"
    for slugs, what, name in (
        (when.topics, "about", amid_words),
        (when.networks, "on", network_name),
        (when.products, "for", amid_words),
    ):
        if slugs:
            *most, last = map(name, sorted(slugs))
            yield f"{what} {', '.join(most)} or {last}" if most else f"{what} {last}"


def hours_in_words(hours: int) -> str:
    """Write a duration in hours, or in days where it is whole days."""
    count, unit = (hours // 24, "day") if hours % 24 == 0 else (hours, "hour")
    return f"{count} {unit}{'' if count == 1 else 's'}"
