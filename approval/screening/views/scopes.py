"""Where a rule holds, as people read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from approval.clock import day
from approval.people.forms import REGIME_NAMES
from approval.rules.scope import Scope
from approval.screening.naming import class_name, in_words, network_name


def regime_name(slug: str) -> str:
    """Name a regime."""
    return REGIME_NAMES.get(slug, slug)


def scope_lines(scope: Scope) -> Iterator[tuple[str, str]]:
    """Say where a rule holds: label and text of each fact that it asks for; nothing where it holds everywhere."""
    lists = (
        ("Regimes", scope.regimes, regime_name),
        ("Products", scope.classes, class_name),
        ("Products", scope.products, in_words),
        ("Not for", scope.not_products, in_words),
        ("Networks", scope.channels, network_name),
        ("Audiences", scope.audiences, in_words),
        ("Firms", scope.entity_types, in_words),
        ("Languages", scope.languages, str),
    )
    for label, slugs, name in lists:
        if slugs:
            yield label, _listed(map(name, slugs))
    if scope.effective_from:
        yield "From", day(scope.effective_from)
    if scope.effective_until:
        yield "Until", day(scope.effective_until)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
