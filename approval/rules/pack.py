"""Packs: TOML in, rules out. What is unknown, missing or double is refused with pack, rule and key."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from .claim import Frame
from .finding import TOPICS, RuleError, Severity
from .kinds import KINDS, Kind, Maker
from .lexicon import Lexicon
from .pattern import Language
from .products import PRODUCTS, ProductClass
from .scope import AUDIENCES, ENTITY_TYPES, NETWORKS, REGIMES, Facts, Scope

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
_PACK_KEYS = frozenset({"pack", "words", "lexicon", "frame", "rule"})
_FRAME_KEYS = frozenset({"name", "before", "after", "around", "broken_by", "reach", "neighbours"})
_EXAMPLE_KEYS = frozenset({"text", "channel", "regime", "product", "audience", "entity_type", "language", "on"})
_ID = re.compile(r"[A-Z]{2,5}\d{3}")
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FIELDS_OF_MESSAGE = re.compile(r"\{([^{}]*)\}")
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
    look: Kind = field(repr=False, compare=False)

    def severity_for(self, facts: Facts) -> Severity:
        """The severity on a post with these facts: the last escalation that covers it, else the rule's own."""
        covering = [severity for scope, severity in self.escalate if scope.covers(facts)]
        return covering[-1] if covering else self.severity


@dataclass(frozen=True)
class Pack:
    """One TOML source, read and checked for its shape."""

    name: str
    words: Mapping[str, list[str]]
    lexicon: Mapping[str, list[str]]
    frames: tuple[Mapping[str, Any], ...]
    rules: tuple[Mapping[str, Any], ...]


def read_pack(name: str, source: bytes) -> Pack:
    """One pack's tables; its rules are made by `make_rules`, because they share words and frames with other packs."""
    try:
        document = tomllib.loads(source.decode())
    except UnicodeDecodeError as error:
        raise RuleError(f"is not UTF-8 at byte {error.start}", pack=name) from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise RuleError(f"is not TOML: {error}", pack=name) from error
    _ensure_known(document, _PACK_KEYS, pack=name)
    about = document.get("pack", {})
    if not isinstance(about, dict):
        raise RuleError("must be a table", pack=name, key="pack")
    _ensure_known(about, frozenset({"title", "about"}), pack=name)
    return Pack(
        name=name,
        words=_lists(document, "words", pack=name),
        lexicon=_lists(document, "lexicon", pack=name),
        frames=_tables(document, "frame", pack=name),
        rules=_tables(document, "rule", pack=name),
    )


def make_language(packs: Iterable[Pack]) -> Language:
    """The word lists of all packs; two packs may not define one name."""
    words: dict[str, list[str]] = {}
    for pack in packs:
        for name, alternatives in pack.words.items():
            if name in words:
                raise RuleError("is defined twice", pack=pack.name, key=f"words.{name}")
            words[name] = alternatives
    language = Language(words)
    for pack in packs:
        for name in pack.words:
            try:
                language.spell(f"<{name}>")
            except RuleError as error:
                raise RuleError(error.reason, pack=pack.name, key=f"words.{name}") from error
    return language


def make_lexicon(packs: Iterable[Pack], rules: Iterable[Rule]) -> Lexicon:
    """The words that are unmasked: those listed, and those of the examples that rules flag."""
    listed: dict[str, set[str]] = {"words": set(), "correct": set(), "keep": set()}
    for pack in packs:
        _ensure_known(pack.lexicon, frozenset(listed), pack=pack.name)
        for key, words in pack.lexicon.items():
            listed[key].update(word.lower() for word in words)
    shown = {
        word for rule in rules for example in rule.flags for word in re.findall(r"[a-z]{3,}", example.text.lower())
    }
    return Lexicon(listed["words"] | shown, listed["correct"], listed["keep"])


def make_frames(packs: Iterable[Pack], language: Language) -> dict[str, Frame]:
    """The frames of all packs by name."""
    frames: dict[str, Frame] = {}
    for pack in packs:
        for table in pack.frames:
            try:
                frame = _frame(table, language)
            except RuleError as error:
                raise RuleError(
                    error.reason, pack=pack.name, rule=f"frame {table.get('name')}", key=error.key
                ) from error
            if frame.name in frames:
                raise RuleError("is defined twice", pack=pack.name, key=f"frame {frame.name}")
            frames[frame.name] = frame
    return frames


def make_rules(packs: Iterable[Pack], language: Language, frames: Mapping[str, Frame]) -> tuple[Rule, ...]:
    """The rules of all packs in order of id."""
    rules: dict[str, Rule] = {}
    names: dict[str, str] = {}
    for pack in packs:
        for number, table in enumerate(pack.rules, start=1):
            called = str(table.get("id", f"number {number}"))
            try:
                rule = _rule(pack.name, table, language, frames)
            except RuleError as error:
                raise RuleError(error.reason, pack=pack.name, rule=called, key=error.key) from error
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


def _rule(pack: str, table: Mapping[str, Any], language: Language, frames: Mapping[str, Frame]) -> Rule:
    make = Maker(table, language, frames)
    kind = make.text("kind", one_of=tuple(KINDS))
    _ensure_known(table, _RULE_KEYS | KINDS[kind].keys)
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
    return Rule(
        pack=pack, id=id_, name=name, kind=kind, look=look, scope=scope,
        topic=make.text("topic", one_of=TOPICS),
        severity=Severity(make.text("severity", one_of=tuple(Severity))),
        escalate=_escalations(table, language, frames),
        message=message, why=make.text("why"), citation=_citation(make), suggestion=suggestion,
        flags=_examples(table, "flags", scope), passes=_examples(table, "passes", scope),
    )  # fmt: skip


def _scope(table: Mapping[str, Any], make: Maker) -> Scope:
    lists: dict[str, frozenset[str]] = {}
    for key, allowed in _LISTS.items():
        values = make.texts(key)
        unknown = [value for value in values if allowed is not None and value not in allowed]
        if unknown:
            raise RuleError(f"“{unknown[0]}” is not one of {', '.join(allowed or ())}", key=key)
        lists[key] = frozenset(values)
    return Scope(**lists, effective_from=_day(table, "effective_from"), effective_until=_day(table, "effective_until"))


def _escalations(
    table: Mapping[str, Any], language: Language, frames: Mapping[str, Frame]
) -> tuple[tuple[Scope, Severity], ...]:
    entries = table.get("escalate", [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RuleError("must be a list of tables", key="escalate")
    escalations = []
    for entry in entries:
        _ensure_known(entry, frozenset(_LISTS) | {"severity"}, key="escalate")
        make = Maker(entry, language, frames)
        escalations.append((_scope(entry, make), Severity(make.text("severity", one_of=tuple(Severity)))))
    return tuple(escalations)


def _citation(make: Maker) -> str:
    table = make.table("citation")
    _ensure_known(table, frozenset({"text", "as_of"}), key="citation")
    text, as_of = table.get("text"), table.get("as_of")
    if not isinstance(text, str) or not text.strip():
        raise RuleError("needs `text`: where the rule is written", key="citation")
    if not isinstance(as_of, date):
        raise RuleError("needs `as_of`: the day on which it was checked", key="citation")
    return f"{text} (as of {as_of.isoformat()})"


def _examples(table: Mapping[str, Any], key: str, scope: Scope) -> tuple[Example, ...]:
    entries = table.get(key)
    if not isinstance(entries, list) or not entries:
        raise RuleError("is missing: every rule shows what it flags and the near miss that passes", key=key)
    return tuple(_example(entry, key, scope) for entry in entries)


def _example(entry: Any, key: str, scope: Scope) -> Example:
    usual = _usual(scope)
    if isinstance(entry, str):
        return Example(entry, Facts(**usual))
    if not isinstance(entry, dict) or not isinstance(entry.get("text"), str):
        raise RuleError("must be strings, or tables with `text` and facts", key=key)
    _ensure_known(entry, _EXAMPLE_KEYS, key=key)
    return Example(entry["text"], Facts(**{**usual, **{k: v for k, v in entry.items() if k != "text"}}))


def _usual(scope: Scope) -> dict[str, Any]:
    """The facts of an example that names none: the first that the rule's scope allows."""
    product = min(scope.products, default=None)
    if product is None and scope.classes:
        product = min(
            slug for slug, kind in PRODUCTS.items() if kind in scope.classes and slug not in scope.not_products
        )
    return {
        "product": product,
        "regime": min(scope.regimes, key=REGIMES.index, default=None),
        "channel": min(scope.channels, default=None),
        "audience": min(scope.audiences, default=None),
        "entity_type": min(scope.entity_types, default=None),
        "language": min(scope.languages, default=None),
        "on": scope.effective_until or scope.effective_from,
    }


def _frame(table: Mapping[str, Any], language: Language) -> Frame:
    _ensure_known(table, _FRAME_KEYS)
    make = Maker(table, language, {})
    return Frame(
        name=make.text("name"),
        before=make.phrases("before"),
        after=make.phrases("after"),
        around=make.phrases("around"),
        broken_by=make.phrases("broken_by"),
        reach=make.number("reach", least=0) if "reach" in table else 0,
        neighbours=make.flag("neighbours"),
    )


def _day(table: Mapping[str, Any], key: str) -> date | None:
    value = table.get(key)
    if value is not None and type(value) is not date:
        raise RuleError("must be a day, such as 2026-07-15", key=key)
    return value


def _lists(document: Mapping[str, Any], key: str, *, pack: str) -> dict[str, list[str]]:
    table = document.get(key, {})
    if not isinstance(table, dict):
        raise RuleError("must be a table of lists", pack=pack, key=key)
    for name, values in table.items():
        if not isinstance(values, list) or not values or not all(isinstance(value, str) and value for value in values):
            raise RuleError("must be a list of strings", pack=pack, key=f"{key}.{name}")
    return table


def _tables(document: Mapping[str, Any], key: str, *, pack: str) -> tuple[Mapping[str, Any], ...]:
    entries = document.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise RuleError(f"must be written as [[{key}]] tables", pack=pack, key=key)
    return tuple(entries)


def _ensure_known(table: Mapping[str, Any], known: frozenset[str], *, pack: str = "", key: str = "") -> None:
    for name in table:
        if name not in known:
            raise RuleError(
                f"is not known; known are {', '.join(sorted(known))}", pack=pack, key=f"{key}.{name}" if key else name
            )


def _ensure_fillable(message: str, *, key: str) -> None:
    unknown = set(_FIELDS_OF_MESSAGE.findall(message)) - {"match", "instead", "missing", "most"}
    if unknown or _FIELDS_OF_MESSAGE.sub("", message).count("{"):
        raise RuleError("may hold {match}, {instead}, {missing} and {most}, and no other braces", key=key)
