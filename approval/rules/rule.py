"""One rule, made from its table. What is unknown, missing or double is refused with pack, rule and key."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from .amend import amended, amendments
from .finding import TOPICS, RuleError, Severity
from .kinds import KINDS, Kind, Maker
from .products import OTHER, PRODUCTS, ProductClass, known
from .scope import AUDIENCES, ENTITY_TYPES, NETWORKS, REGIMES, Facts, Scope
from .source import Pack
from .tables import Table, day, ensure_known
from .text import LARGEST
from .vocabulary import Vocabulary

_LISTS: Mapping[str, tuple[str, ...] | None] = {
    "regimes": REGIMES,
    "products": tuple(PRODUCTS),
    "classes": tuple(ProductClass),
    "audiences": AUDIENCES,
    "channels": NETWORKS,
    "entity_types": ENTITY_TYPES,
    "languages": None,
    "not_products": tuple(PRODUCTS),
}
_RULE_KEYS = frozenset(
    [
        "id",
        "name",
        "kind",
        "topic",
        "severity",
        "escalate",
        "message",
        "why",
        "citation",
        "suggestion",
        "flags",
        "passes",
        "effective_from",
        "effective_until",
    ]
) | frozenset(_LISTS)
_EXAMPLE_KEYS = frozenset({"text", "channel", "regime", "product", "audience", "entity_type", "language", "on"})
_ID = re.compile(r"[A-Z]{2,5}[0-9]{3}")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FIELDS_OF_MESSAGE = re.compile(r"\{([^{}]*)\}")
_SOURCES = re.compile(r"; (?![^(]*\))")
MOST_RULES = 10_000


@dataclass(frozen=True)
class Example:
    """A text that shows what a rule flags or lets pass, and the facts under which it does."""

    text: str
    facts: Facts


@dataclass(frozen=True, kw_only=True)
class Rule:
    """One rule; `id` is permanent, `name` says what is found, so that “allow *name*” reads as a sentence."""

    pack: str
    id: str
    name: str
    kind: str
    topic: str
    severity: Severity
    message: str
    why: str
    citation: str
    suggestion: str
    scope: Scope
    flags: tuple[Example, ...]
    passes: tuple[Example, ...]
    escalate: tuple[tuple[Scope, Severity], ...] = ()
    citations: Mapping[str, str] = field(default_factory=dict, repr=False)
    look: Kind = field(repr=False, compare=False)

    def severity_for(self, facts: Facts) -> Severity:
        """The severity on a post with these facts: the last escalation that covers it, else the rule's own."""
        covering = [severity for scope, severity in self.escalate if scope.covers(facts)]
        return covering[-1] if covering else self.severity

    def citation_for(self, facts: Facts) -> str:
        """What of the citation is law or guidance in the regime of the post; all of it where nothing is."""
        return self.citations.get(facts.regime or "", self.citation)


def make_rules(packs: Iterable[Pack], vocabulary: Vocabulary) -> tuple[Rule, ...]:
    """The rules of all packs in order of id."""
    packs = list(packs)
    rules: dict[str, Rule] = {}
    names: dict[str, str] = {}
    amends = amendments(packs)
    for pack in packs:
        for number, table in enumerate(pack.rules, start=1):
            called = str(table.get("id", f"number {number}"))
            amendment = amends.get(called)
            try:
                rule = _rule(pack.name, amended(table, amendment.table) if amendment else table, vocabulary)
            except RuleError as error:
                owner, key = pack.name, error.key
                if amendment and amendment.owns(key):
                    owner, key = amendment.pack, f"amend.{key}"
                raise RuleError(error.reason, pack=owner, rule=called, key=key) from error
            if rule.id in rules:
                raise RuleError(f"the id is taken by pack {rules[rule.id].pack}", pack=pack.name, rule=called, key="id")
            if rule.name in names:
                raise RuleError(
                    f"the name is taken by rule {names[rule.name]}", pack=pack.name, rule=called, key="name"
                )
            rules[rule.id] = rule
            names[rule.name] = rule.id
            if len(rules) > MOST_RULES:
                raise RuleError(f"More than {MOST_RULES:,} rules are refused.", pack=pack.name)
    return tuple(rules[id_] for id_ in sorted(rules))


def _rule(pack: str, table: Table, vocabulary: Vocabulary) -> Rule:
    make = Maker(table, vocabulary)
    kind = make.text("kind", one_of=tuple(KINDS))
    ensure_known(table, _RULE_KEYS | KINDS[kind].keys)
    id_, name = make.text("id"), make.text("name")
    if not _ID.fullmatch(id_):
        raise RuleError("must be two to five capitals and three digits, such as PRO101", key="id")
    if not _SLUG.fullmatch(name):
        raise RuleError("must be lower-case words joined by hyphens, naming what is found", key="name")
    look = KINDS[kind](make)
    scope = _scope(table, make)
    message = make.text("message")
    suggestion = make.text("suggestion")
    _ensure_fillable(message, key="message")
    _ensure_fillable(suggestion, key="suggestion")
    citation, citations = _citation(make, vocabulary)
    return Rule(
        pack=pack, id=id_, name=name, kind=kind, look=look, scope=scope,
        topic=make.text("topic", one_of=TOPICS),
        severity=Severity(make.text("severity", one_of=tuple(Severity))),
        escalate=_escalations(table, vocabulary),
        message=message, why=make.text("why"), citation=citation, citations=citations, suggestion=suggestion,
        flags=_examples(table, "flags", scope), passes=_examples(table, "passes", scope),
    )  # fmt: skip


def _scope(table: Table, make: Maker) -> Scope:
    lists: dict[str, frozenset[str]] = {}
    for key, allowed in _LISTS.items():
        values = make.texts(key)
        unknown = [value for value in values if allowed is not None and value not in allowed]
        if unknown:
            raise RuleError(f"“{unknown[0]}” is not one of {', '.join(allowed or ())}", key=key)
        lists[key] = frozenset(values)
    begins, ends = day(table, "effective_from"), day(table, "effective_until")
    if begins and ends and ends < begins:
        raise RuleError("is before effective_from", key="effective_until")
    return Scope(**lists, effective_from=begins, effective_until=ends)


def _escalations(table: Table, vocabulary: Vocabulary) -> tuple[tuple[Scope, Severity], ...]:
    entries = table.get("escalate", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RuleError("must be a list of tables", key="escalate")
    escalations = []
    for entry in entries:
        ensure_known(entry, frozenset(_LISTS) | {"severity"}, key="escalate")
        make = Maker(entry, vocabulary)
        escalations.append((_scope(entry, make), Severity(make.text("severity", one_of=tuple(Severity)))))
    return tuple(escalations)


def _citation(make: Maker, vocabulary: Vocabulary) -> tuple[str, Mapping[str, str]]:
    """The whole citation, and what of it each regime knows where that is less."""
    table = make.table("citation")
    ensure_known(table, frozenset({"text", "as_of"}), key="citation")
    text, as_of = table.get("text"), day(table, "as_of")
    if not isinstance(text, str) or not text.strip():
        raise RuleError("needs `text`: where the rule is written", key="citation")
    if as_of is None:
        raise RuleError("needs `as_of`: the day on which it was checked", key="citation")
    checked = f"(as of {as_of.isoformat()})"
    near = {regime: "; ".join(_near(_SOURCES.split(text), regime, vocabulary.sources)) for regime in vocabulary.sources}
    return f"{text} {checked}", {regime: f"{own} {checked}" for regime, own in near.items() if own and own != text}


def _near(parts: list[str], regime: str, sources: Mapping[str, tuple[str, ...]]) -> list[str]:
    """The sources of a regime and those of which none is known; nothing where the regime has none of its own."""
    elsewhere = tuple(chain.from_iterable(sources.values()))
    of_regime = [part for part in parts if part.startswith(sources[regime])]
    return [part for part in parts if part in of_regime or not part.startswith(elsewhere)] if of_regime else []


def _examples(table: Table, key: str, scope: Scope) -> tuple[Example, ...]:
    entries = table.get(key)
    if not isinstance(entries, list) or not entries:
        raise RuleError("is missing: every rule shows what it flags and the near miss that passes", key=key)
    return tuple(_example(entry, key, scope) for entry in entries)


def _example(entry: Any, key: str, scope: Scope) -> Example:
    usual = _usual(scope)
    if isinstance(entry, str):
        entry = {"text": entry}
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise RuleError("must be strings, or tables with `text` and facts", key=key)
    ensure_known(entry, _EXAMPLE_KEYS, key=key)
    text, on = entry["text"], day(entry, "on")
    if len(text) > LARGEST:
        raise RuleError(f"may have at most {LARGEST:,} characters in one text", key=key)
    said = {fact: value for fact, value in entry.items() if fact not in ("text", "on")}
    for fact, value in said.items():
        if not isinstance(value, str):
            raise RuleError("must be a string", key=f"{key}.{fact}")
        if fact in _FACTS and value not in _FACTS[fact]:
            raise RuleError(f"“{value}” is not one of {', '.join(_FACTS[fact])}", key=f"{key}.{fact}")
        if fact == "product" and known(value) == OTHER != value:
            raise RuleError(f"“{value}” is no product that the rules know", key=f"{key}.product")
    return Example(text, Facts(**{**usual, **said, "on": on or usual["on"]}))


def _usual(scope: Scope) -> dict[str, Any]:
    """The facts of an example that names none: the first that the rule's scope allows."""
    product = min(scope.products, default=None)
    if product is None and scope.classes:
        left = [slug for slug, kind in PRODUCTS.items() if kind in scope.classes and slug not in scope.not_products]
        if not left:
            raise RuleError("leaves no product of these classes", key="not_products")
        product = min(left)
    return {
        "product": product,
        "regime": min(scope.regimes, key=REGIMES.index, default=None),
        "channel": min(scope.channels, default=None),
        "audience": min(scope.audiences, default=None),
        "entity_type": min(scope.entity_types, default=None),
        "language": min(scope.languages, default=None),
        "on": scope.effective_until or scope.effective_from,
    }


_FACTS: Mapping[str, Collection[str]] = {
    "regime": REGIMES, "channel": NETWORKS, "audience": AUDIENCES, "entity_type": ENTITY_TYPES
}  # fmt: skip


def _ensure_fillable(message: str, *, key: str) -> None:
    unknown = set(_FIELDS_OF_MESSAGE.findall(message)) - {"match", "instead", "missing", "most"}
    if unknown or _FIELDS_OF_MESSAGE.sub("", message).count("{"):
        raise RuleError("may hold {match}, {instead}, {missing} and {most}, and no other braces", key=key)
