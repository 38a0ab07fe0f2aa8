"""What a firm says otherwise of a rule that it did not write: what is wrong with it, and the packs that say it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from approval.errors import Problem
from approval.rules import RuleError, RuleSet, amended
from approval.screening.services.packing import FIRM_PACK, with_amendment, without_amendment
from approval.screening.services.workshop import Bench, Table, Written, shortened


def wrong_with(bench: Bench, written: Written, amendment: Table) -> tuple[Problem, ...]:
    """Say what is wrong with an amendment of a rule, by its key; nothing where it can be proposed."""
    excepts, passes = bool(amendment.keys() & {"except", "unless"}), "passes" in amendment
    if excepts and not passes:
        return (Problem("passes", "Write a text that was flagged and passes because of the exception."),)
    if passes and not excepts:
        return (Problem("except", "Write the exception that lets these texts pass."),)
    if not excepts and "severity" not in amendment:
        return (Problem("severity", "Say something otherwise: another severity, or an exception."),)
    try:
        after = bench.parse(amended(written.plain, amendment))
    except RuleError as error:
        return (Problem(error.key.partition(".")[0], error.reason[:1].upper() + error.reason[1:]),)
    # A rule that follows others finds nothing alone: all rules together prove it when it is proposed.
    return () if "after" in written.plain else tuple(_unproven(bench.parse(written.plain), after, written.plain))


def _unproven(before: RuleSet, after: RuleSet, plain: Table) -> Iterator[Problem]:
    (rule,) = after.rules
    for example in rule.flags:
        if not after.check_facts(example.text, example.facts):
            yield Problem("except", f"It silences what the rule is for: “{shortened(example.text)}”.")
    for n, example in enumerate(rule.passes[len(plain["passes"]) :], 1):
        if after.check_facts(example.text, example.facts):
            yield Problem("passes", f"Line {n} is still flagged: “{shortened(example.text)}”.")
        elif not before.check_facts(example.text, example.facts):
            yield Problem("passes", f"Line {n} passes without the exception, and so does not show what it is for.")


def packs_with(packs: Mapping[str, bytes], written: Written, amendment: Table | None) -> dict[str, bytes]:
    """Return the packs with an amendment of a rule in the firm's own pack; with None, without the one there is."""
    changed = dict(packs)
    pack = written.amended_by or FIRM_PACK
    source = changed.get(pack, b"").decode()
    if amendment is None:
        changed[pack] = without_amendment(source, written.plain["id"]).encode()
    else:
        changed[pack] = with_amendment(source, amendment).encode()
    return changed
