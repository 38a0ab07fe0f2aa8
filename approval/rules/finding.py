"""What the engine answers with, and the one error it raises."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

TOPICS = (
    "guarantee",
    "risk-free",
    "safety-of-principal",
    "promissory-projection",
    "exaggeration-superlative",
    "comparison-unsubstantiated",
    "ranking-award-undisclosed",
    "past-performance-no-disclaimer",
    "performance-without-period",
    "gross-without-net",
    "hypothetical-performance",
    "cherry-picking",
    "testimonial-undisclosed",
    "endorsement-undisclosed",
    "advice-recommendation",
    "urgency-pressure",
    "unbalanced-benefit",
    "missing-risk-warning-crypto",
    "prohibited-incentive",
    "missing-member-fdic",
    "missing-equal-housing",
    "fdic-misuse",
    "reg-z-trigger",
    "reg-dd-trigger",
    "representative-apr-missing",
    "credit-claims",
    "fee-free-claim",
    "greenwashing",
    "tax-claim",
    "regulator-endorsement",
    "discrimination-language",
    "pii-leak",
)


class RuleError(ValueError):
    """A pack, a rule or a text that the engine refuses; names the pack, the rule and the key."""

    def __init__(self, reason: str, *, pack: str = "", rule: str = "", key: str = "") -> None:
        self.reason, self.pack, self.rule, self.key = reason, pack, rule, key
        named = (("pack", pack), ("rule", rule), ("key", key))
        where = ", ".join(f"{what} {name}" for what, name in named if name)
        super().__init__(f"{where}: {reason}" if where else reason)


class Severity(StrEnum):
    """How grave a finding is; compares by gravity, not by spelling."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    BLOCK = "block"

    @property
    def rank(self) -> int:
        """0 for low to 3 for block."""
        return _RANKS[self]


_RANKS = {severity: rank for rank, severity in enumerate(Severity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a rule found; `start` and `end` count code points of the text, None where something is missing.

    `missing` names each item that a disclosure lacks; `considered` the exceptions that were tried and did not hold.
    """

    rule: str
    name: str
    topic: str
    severity: Severity
    part: str | None = None
    start: int | None
    end: int | None
    match: str
    message: str
    why: str
    citation: str
    suggestion: str
    missing: tuple[str, ...] = ()
    considered: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The finding as the contract spells it."""
        lists = {"missing": list(self.missing), "considered": list(self.considered)}
        return {**asdict(self), "severity": self.severity.value, **lists}
