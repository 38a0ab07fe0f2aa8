"""Product names: what firms call a thing is read as what it is."""

import pytest

from approval.rules import known
from approval.rules.products import _ALSO_CALLED, PRODUCTS


def test_every_other_name_leads_to_a_product_and_is_none_itself() -> None:
    assert set(_ALSO_CALLED.values()) <= set(PRODUCTS)
    assert not set(_ALSO_CALLED) & set(PRODUCTS)


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("options", "options"),
        ("stock", "equities"),
        ("municipal-bond", "bond"),
        ("home-equity-loan", "heloc"),
        ("credit-union-loan", "personal-loan"),
        ("green-super", "superannuation"),
        ("private-credit", "private-fund"),
        ("minibond", "private-placement"),
        ("new-creditcard", "credit-card"),
        ("money-market", "savings"),
        ("money-market-fund", "fund"),
        (" Crypto", "crypto"),
        ("Mini Bond", "private-placement"),
        ("crypto_fund", "fund"),
        ("tulips", "other"),
        ("bond" + "-bond" * 20_000, "other"),
        ("", "other"),
        (None, "other"),
    ],
)
def test_a_name_is_read_by_its_longest_known_part(name: str | None, slug: str) -> None:
    assert known(name) == slug
