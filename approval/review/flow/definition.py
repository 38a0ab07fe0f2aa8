"""TOML in, a workflow out, and back. Whatever is not understood is refused, naming the stage and the key."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from approval.capabilities import Role
from approval.errors import BadDefinition, Problem
from approval.networks import NETWORKS
from approval.review.flow.workflow import ALL, MAX_STAGES, Asked, Condition, Quorum, Stage, Who, Workflow
from approval.rules.finding import TOPICS, Severity
from approval.rules.products import PRODUCTS

MAX_SOURCE = 64 * 1024
MAX_QUORUM = 20
MAX_DUE_HOURS = 24 * 90
MAX_CHECKLIST = 20
_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PERSON = re.compile(r"[^\s:]{1,72}")
T = TypeVar("T")


def parse_workflow(source: str) -> Workflow:
    """Read a workflow from TOML; BadDefinition names everything that is wrong, each with its stage and key."""
    return workflow_of(_toml(source))


def workflow_of(table: Mapping[str, Any]) -> Workflow:
    """Read a workflow from the table that TOML, or a form, gives; BadDefinition as for `parse_workflow`."""
    reader = _Reader("", table, ("distinct", "stages"))
    distinct = reader.take("distinct", _boolean, True)
    stages: tuple[dict[str, Any], ...] = reader.take("stages", _tables, ())
    problems = list(reader.problems)
    if len(stages) > MAX_STAGES:
        problems.append(Problem("stages", f"{len(stages)} stages are more than the {MAX_STAGES} a workflow may have."))
    found = [_stage(number, raw, problems) for number, raw in enumerate(stages[:MAX_STAGES], start=1)]
    problems += _doubles(stage.slug for stage in found if stage is not None)
    _ensure_none(problems)
    return Workflow(stages=tuple(stage for stage in found if stage is not None), distinct=distinct)


def to_toml(workflow: Workflow) -> str:
    """Write a workflow as TOML in one fixed form: equal workflows give equal text."""
    return table_to_toml(as_table(workflow))


def as_table(workflow: Workflow) -> dict[str, Any]:
    """Return the table that `workflow_of` reads back."""
    return {"distinct": workflow.distinct, "stages": [_stage_table(stage) for stage in workflow.stages]}


def _stage_table(stage: Stage) -> dict[str, Any]:
    when = {
        "severity": stage.when.severity and stage.when.severity.value,
        "topics": sorted(stage.when.topics),
        "networks": sorted(stage.when.networks),
        "products": sorted(stage.when.products),
    }
    table = {
        "slug": stage.slug,
        "name": stage.name,
        "who": str(stage.who),
        "quorum": stage.quorum,
        "due_hours": stage.due_hours,
        "checklist": list(stage.checklist),
    }
    given = {key: value for key, value in when.items() if value}
    return table | ({"when": given} if given else {})


def table_to_toml(table: Mapping[str, Any]) -> str:
    """Write a table of `as_table`'s shape as TOML, whether or not it makes a workflow."""
    lines = [f"distinct = {_written(table['distinct'])}"]
    for stage in table["stages"]:
        lines += ["", "[[stages]]", *(f"{key} = {_written(value)}" for key, value in stage.items() if key != "when")]
        if when := stage.get("when"):
            lines += ["", "[stages.when]", *(f"{key} = {_written(value)}" for key, value in when.items())]
    return "\n".join(lines) + "\n"


def _written(value: Any) -> str:
    # A JSON value is a TOML value here, but for DEL in strings (TOML 1.0, "String").
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


# -- reading ----------------------------------------------------------------------------------------------------


class _Wrong(ValueError):
    """What is wrong with one value, in words."""


class _Reader:
    """Takes the keys of one table, noting each problem with its place; keys that nobody knows are problems."""

    def __init__(self, where: str, table: Mapping[str, Any], known: tuple[str, ...]) -> None:
        self.where, self.table = where, table
        self.problems = [
            Problem(self._at(key), f"There is no key “{key[:40]}” here; there are {', '.join(known)}.")
            for key in table
            if key not in known
        ]

    def take(self, key: str, read: Callable[[Any], T], default: T) -> T:
        if key not in self.table:
            return default
        return self.need(key, read, default)

    def need(self, key: str, read: Callable[[Any], T], fallback: T) -> T:
        try:
            if key not in self.table:
                raise _Wrong("is missing.")
            return read(self.table[key])
        except _Wrong as wrong:
            self.problems.append(Problem(self._at(key), f"{self._at(key)} {wrong}"))
            return fallback

    def _at(self, key: str) -> str:
        return f"{self.where}.{key[:40]}" if self.where else key[:40]


def _toml(source: str) -> dict[str, Any]:
    try:
        if len(source.encode()) > MAX_SOURCE:
            raise BadDefinition(f"A workflow has at most {MAX_SOURCE // 1024} KiB.")
        return tomllib.loads(source)
    # ValueError: bad TOML, a lone surrogate, a number of too many digits; RecursionError: arrays nested without end.
    except (ValueError, RecursionError) as error:
        what = f"This is not TOML: {str(error)[:200] or type(error).__name__}"
        raise BadDefinition(what, problems=(Problem("source", what),)) from error


def _stage(number: int, raw: Any, problems: list[Problem]) -> Stage | None:
    """Read one stage; what is wrong with it goes to *problems* and it counts as none."""
    slug = raw.get("slug")
    where = f"stages.{slug if isinstance(slug, str) and _SLUG.fullmatch(slug) else number}"
    reader = _Reader(where, raw, ("slug", "name", "who", "quorum", "due_hours", "checklist", "when"))
    when: dict[str, Any] = reader.take("when", _table, {})
    conditions = _Reader(f"{where}.when", when, ("severity", "topics", "networks", "products"))
    stage = Stage(
        slug=reader.need("slug", _slug, ""),
        name=reader.need("name", _line(80), ""),
        who=reader.need("who", _who, Who(Asked.PERSON, "")),
        quorum=reader.take("quorum", _quorum, 1),
        due_hours=reader.take("due_hours", _due_hours, 24),
        checklist=reader.take("checklist", _checklist, ()),
        when=Condition(
            severity=conditions.take("severity", _severity, None),
            topics=conditions.take("topics", _words("topic", TOPICS), frozenset()),
            networks=conditions.take("networks", _words("network", NETWORKS), frozenset()),
            products=conditions.take("products", _words("product", PRODUCTS), frozenset()),
        ),
    )
    wrong = reader.problems + conditions.problems
    problems += wrong
    return None if wrong else stage


def _doubles(slugs: Iterable[str]) -> list[Problem]:
    seen: set[str] = set()
    doubles = []
    for slug in slugs:
        if slug in seen:
            doubles.append(Problem(f"stages.{slug}.slug", f"Two stages are called {slug}: give each its own slug."))
        seen.add(slug)
    return doubles


def _ensure_none(problems: list[Problem]) -> None:
    if problems:
        detail = f"The workflow cannot work as written: {problems[0].what}"
        raise BadDefinition(detail, problems=tuple(problems))


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("is either true or false.")
    return value


def _integer(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise _Wrong(f"is a whole number from {low} to {high}.")
    return value


def _table(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong("is a table.")
    return value


def _tables(value: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise _Wrong("is a list of tables, each begun with [[stages]].")
    return tuple(value)


def _slug(value: Any) -> str:
    if not isinstance(value, str) or not _SLUG.fullmatch(value):
        raise _Wrong("is a name such as legal-review: lower-case letters, digits and hyphens, at most 63.")
    return value


def _line(limit: int) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        text = " ".join(value.split()) if isinstance(value, str) else ""
        if not 0 < len(text) <= limit or not text.isprintable():
            raise _Wrong(f"is a line of 1 to {limit} characters.")
        return text

    return read


def _who(value: Any) -> Who:
    kind, _, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    match kind:
        case Asked.ROLE if name in set(Role):
            return Who(Asked.ROLE, name)
        case Asked.ROLE:
            raise _Wrong(f"names no role: there are {', '.join(Role)}.")
        case Asked.TEAM if _SLUG.fullmatch(name):
            return Who(Asked.TEAM, name)
        case Asked.PERSON if _PERSON.fullmatch(name):
            return Who(Asked.PERSON, name)
    raise _Wrong("says who decides: role:compliance, team:legal or person:name@firm.example.")


def _quorum(value: Any) -> Quorum:
    if value == ALL:
        return ALL
    if value == "one":
        return 1
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_QUORUM:
        raise _Wrong(f"is a number from 1 to {MAX_QUORUM}, or “all”.")
    return value


def _due_hours(value: Any) -> int:
    return _integer(value, 1, MAX_DUE_HOURS)


def _checklist(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > MAX_CHECKLIST:
        raise _Wrong(f"is a list of at most {MAX_CHECKLIST} lines.")
    return tuple(map(_line(200), value))


def _severity(value: Any) -> Severity:
    if not isinstance(value, str) or value not in set(Severity):
        raise _Wrong(f"is one of {', '.join(Severity)}.")
    return Severity(value)


def _words(what: str, known: Iterable[str]) -> Callable[[Any], frozenset[str]]:
    def read(value: Any) -> frozenset[str]:
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            raise _Wrong(f"is a list of {what} names.")
        if strange := sorted(set(value) - set(known)):
            raise _Wrong(f"names no {what}: “{strange[0][:40]}”.")
        return frozenset(value)

    return read
