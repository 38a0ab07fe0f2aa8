"""The names that packs share, read from all of them together; two packs may not define one name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import chain

from .claim import Frame
from .finding import RuleError
from .fold import fold_pattern
from .kinds import Maker
from .lexicon import Lexicon
from .pattern import Language
from .rule import Rule
from .scope import NETWORKS, REGIMES
from .source import Pack
from .tables import Table, day, ensure_known
from .vocabulary import Amount, Vocabulary

_FRAME_KEYS = frozenset({"name", "before", "after", "around", "broken_by", "reach", "neighbours", "quoted"})
_SHOWN = re.compile(r"(?<![\w#@])[a-z]{3,}")
_LANGUAGES = 8
_LISTED = re.compile(r"<[a-z0-9-]+>")
_WHOLE = re.compile(r"(?<![a-z\\\[\]<>*+?.-])[a-z]{4,}(?![a-z\[\]\\*+?.<>(-])")
_AMOUNT_KEYS = frozenset({"name", "value", "since", "source"})


def make_vocabulary(packs: Iterable[Pack], *, checked: bool = True) -> Vocabulary:
    """Word lists, frames, amounts and folds of all packs."""
    packs = list(packs)
    plain = Vocabulary(_language(packs), checked=checked)
    return replace(
        plain, frames=_frames(packs, plain), amounts=_amounts(packs), folds=_folds(packs), sources=_sources(packs)
    )


def make_lexicon(packs: Iterable[Pack], rules: Iterable[Rule], vocabulary: Vocabulary) -> Lexicon:
    """The words that are unmasked: those listed, those of the examples that rules flag, and those of all patterns."""
    listed: dict[str, set[str]] = {"words": set(), "correct": set(), "keep": set()}
    for pack in packs:
        ensure_known(pack.lexicon, frozenset(listed), pack=pack.name)
        for key, words in pack.lexicon.items():
            listed[key].update(word.lower() for word in words)
    shown = {word for rule in rules for example in rule.flags for word in shown_words(example.text)}
    return Lexicon(listed["words"] | shown, listed["correct"], listed["keep"], _sought(vocabulary))


def _sought(vocabulary: Vocabulary) -> set[str]:
    """The whole words that stand in patterns and word lists."""
    sources = chain(*vocabulary.language.words.values(), *(one.sources for one in vocabulary.made))
    return {word for source in sources for word in _WHOLE.findall(_LISTED.sub(" ", source))}


def shown_words(example: str) -> list[str]:
    """The words of an example that a rule flags; tags are none, or they would never be taken apart."""
    return _SHOWN.findall(example.lower())


def _language(packs: Iterable[Pack]) -> Language:
    words: dict[str, list[str]] = {}
    for pack in packs:
        for name, alternatives in pack.words.items():
            if name in words:
                raise RuleError("is defined twice", pack=pack.name, key=f"words.{name}")
            words[name] = list(map(fold_pattern, alternatives))
    language = _spoken(tuple((name, tuple(alternatives)) for name, alternatives in words.items()))
    for pack in packs:
        for name in pack.words:
            try:
                language.spell(f"<{name}>")
            except RuleError as error:
                raise RuleError(error.reason, pack=pack.name, key=f"words.{name}") from error
    return language


@lru_cache(maxsize=_LANGUAGES)
def _spoken(words: tuple[tuple[str, tuple[str, ...]], ...]) -> Language:
    """The language of these word lists: rule sets that share them share what was spelled out before."""
    return Language(dict(words))


def _frames(packs: Iterable[Pack], plain: Vocabulary) -> dict[str, Frame]:
    frames: dict[str, Frame] = {}
    for pack in packs:
        for table in pack.frames:
            try:
                frame = _frame(table, plain)
            except RuleError as error:
                raise RuleError(
                    error.reason, pack=pack.name, rule=f"frame {table.get('name')}", key=error.key
                ) from error
            if frame.name in frames:
                raise RuleError("is defined twice", pack=pack.name, key=f"frame {frame.name}")
            frames[frame.name] = frame
    return frames


def _frame(table: Table, plain: Vocabulary) -> Frame:
    ensure_known(table, _FRAME_KEYS)
    make = Maker(table, plain)
    frame = Frame(
        name=make.text("name"),
        before=make.phrases("before"),
        after=make.phrases("after"),
        around=make.phrases("around"),
        broken_by=make.phrases("broken_by"),
        reach=make.number("reach", least=0) if "reach" in table else 0,
        neighbours=make.flag("neighbours"),
        quoted=make.flag("quoted"),
    )
    if not any(make.has(key) for key in ("before", "after", "around", "quoted")):
        raise RuleError("is missing: one of before, after, around and quoted", key="around")
    return frame


def _amounts(packs: Iterable[Pack]) -> Mapping[str, Amount]:
    found: dict[str, list[Table]] = {}
    owner: dict[str, str] = {}
    for pack in packs:
        for table in pack.amounts:
            name = str(table.get("name", ""))
            try:
                _ensure_amount(table)
            except RuleError as error:
                raise RuleError(error.reason, pack=pack.name, rule=f"amount {name}", key=error.key) from error
            if owner.setdefault(name, pack.name) != pack.name:
                raise RuleError(f"pack {owner[name]} defines it too", pack=pack.name, key=f"amount {name}")
            if any(other["since"] == table["since"] for other in found.setdefault(name, [])):
                raise RuleError("has two values since one day", pack=pack.name, rule=f"amount {name}", key="since")
            found[name].append(table)
    return {
        name: Amount(tuple(sorted((table["since"], float(table["value"])) for table in entries)))
        for name, entries in found.items()
    }


def _ensure_amount(table: Table) -> None:
    ensure_known(table, _AMOUNT_KEYS)
    make = Maker(table, Vocabulary(Language({})))
    make.text("name")
    make.text("source")
    make.quantity("value")
    if day(table, "since") is None:
        raise RuleError("is missing: the first day on which the amount counts", key="since")


def _sources(packs: Iterable[Pack]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for pack in packs:
        for regime, beginnings in pack.sources.items():
            if regime not in REGIMES:
                raise RuleError(f"is not one of {', '.join(REGIMES)}", pack=pack.name, key=f"sources.{regime}")
            found[regime] = (*found.get(regime, ()), *beginnings)
    return found


def _folds(packs: Iterable[Pack]) -> Mapping[str, int]:
    folds: dict[str, int] = {}
    for pack in packs:
        for network in pack.folds:
            if network not in NETWORKS:
                raise RuleError(f"is not one of {', '.join(NETWORKS)}", pack=pack.name, key=f"fold.{network}")
            if network in folds:
                raise RuleError("is defined twice", pack=pack.name, key=f"fold.{network}")
            try:
                folds[network] = Maker(pack.folds, Vocabulary(Language({}))).number(network, least=1)
            except RuleError as error:
                raise RuleError(error.reason, pack=pack.name, key=f"fold.{network}") from error
    return folds
