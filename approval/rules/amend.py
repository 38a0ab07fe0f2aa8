"""What a pack says otherwise of a rule that another pack wrote: its severity, and what it lets pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .finding import RuleError
from .source import Pack
from .tables import Table, ensure_known

ADDED = ("except", "unless", "passes")
"""Lists that an amendment adds to; nothing that the rule lets pass already is taken away."""
_KEYS = frozenset({"rule", "severity", *ADDED})


@dataclass(frozen=True)
class Amendment:
    """What `pack` says otherwise of a rule; `table` as it is written there."""

    pack: str
    table: Table

    def owns(self, key: str) -> bool:
        """Whether a fault under this key of the amended rule is the amendment's."""
        return key.partition(".")[0] in self.table


def amended(rule: Table, amendment: Table) -> Table:
    """A rule's table with an amendment: its severity holds on every post, whatever the rule says of some of them."""
    table = dict(rule)
    for key in ADDED:
        # What is no list is refused when the rule is made.
        if key in amendment and isinstance(rule.get(key, []), list):
            table[key] = [*rule.get(key, ()), *amendment[key]]
    if "severity" in amendment:
        table["severity"] = amendment["severity"]
        table.pop("escalate", None)
    return table


def amendments(packs: Iterable[Pack]) -> Mapping[str, Amendment]:
    """All amendments by the rule that they are about; RuleError where one cannot be taken."""
    packs = list(packs)
    written = {str(table.get("id")): pack.name for pack in packs for table in pack.rules}
    found: dict[str, Amendment] = {}
    for pack in packs:
        for number, table in enumerate(pack.amends, start=1):
            id_ = str(table.get("rule", f"number {number}"))
            try:
                _ensure_sound(table, written.get(id_), pack.name)
                if id_ in found:
                    raise RuleError(f"is amended already by pack {found[id_].pack}", key="rule")
            except RuleError as error:
                raise RuleError(error.reason, pack=pack.name, rule=id_, key=f"amend.{error.key}") from error
            found[id_] = Amendment(pack.name, table)
    return found


def _ensure_sound(table: Table, owner: str | None, pack: str) -> None:
    ensure_known(table, _KEYS)
    if "rule" not in table or owner is None:
        raise RuleError("must be the id of a rule that a pack holds", key="rule")
    if owner == pack:
        raise RuleError("stands in this pack: change the rule itself", key="rule")
    for key in ADDED:
        if key in table and (not isinstance(table[key], list) or not table[key]):
            raise RuleError("must be a list that is not empty", key=key)
    if not table.keys() & {"severity", "except", "unless"}:
        raise RuleError("says nothing otherwise: give it a severity, `except` or `unless`", key="rule")
    if table.keys() & {"except", "unless"} and "passes" not in table:
        raise RuleError("is missing: an exception shows a text that passes because of it", key="passes")
