"""One pack as it is written: TOML in, its tables out."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from .finding import RuleError
from .linear import compile_pattern
from .tables import Table, ensure_known, lists, tables

MOST_PARTS = 50
"""Parts of one dotted key; `tomllib` takes time with their square (20,000 parts: 6 s)."""
_DEEP = compile_pattern(rf"""(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){{{MOST_PARTS}}}""")
_KEYS = frozenset({"pack", "words", "lexicon", "frame", "amount", "fold", "sources", "rule", "amend"})


@dataclass(frozen=True)
class Pack:
    """One TOML source, read and checked for its shape.

    `shadow` and `off` name rules, of any pack, that are counted without being shown, or not applied at all.
    """

    name: str
    words: Mapping[str, list[str]]
    lexicon: Mapping[str, list[str]]
    frames: tuple[Table, ...]
    amounts: tuple[Table, ...]
    folds: Table
    sources: Mapping[str, list[str]]
    rules: tuple[Table, ...]
    amends: tuple[Table, ...]
    shadow: frozenset[str]
    off: frozenset[str]


def read_pack(name: str, source: bytes) -> Pack:
    """One pack's tables; its rules are made by `make_rules`, because they share words and frames with other packs."""
    if not name.isprintable():
        raise RuleError("has a name that cannot be printed", pack=ascii(name))
    try:
        text = source.decode("utf-8-sig")
        if _DEEP.search(text):
            raise RuleError(f"has a key of more than {MOST_PARTS} parts", pack=name)
        document = tomllib.loads(text)
    except RuleError:
        raise
    except UnicodeDecodeError as error:
        what = "is a ZIP archive: take one of the .toml files out of it" if source.startswith(b"PK\x03\x04") else ""
        raise RuleError(what or f"is not UTF-8 at byte {error.start}", pack=name) from error
    except (ValueError, RecursionError) as error:
        raise RuleError(f"is not TOML: {error}", pack=name) from error
    ensure_known(document, _KEYS, pack=name)
    about, folds = document.get("pack", {}), document.get("fold", {})
    for key, table in (("pack", about), ("fold", folds)):
        if not isinstance(table, dict):
            raise RuleError("must be a table", pack=name, key=key)
    ensure_known(about, frozenset({"title", "about", "shadow", "off"}), pack=name)
    return Pack(
        name=name,
        words=lists(document, "words", pack=name),
        lexicon=lists(document, "lexicon", pack=name),
        frames=tables(document, "frame", pack=name),
        amounts=tables(document, "amount", pack=name),
        folds=folds,
        sources=lists(document, "sources", pack=name),
        rules=tables(document, "rule", pack=name),
        amends=tables(document, "amend", pack=name),
        shadow=_ids(about, "shadow", pack=name),
        off=_ids(about, "off", pack=name),
    )


def _ids(about: Table, key: str, *, pack: str) -> frozenset[str]:
    value = about.get(key, [])
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise RuleError("must be a list of rule ids", pack=pack, key=f"pack.{key}")
    return frozenset(value)
