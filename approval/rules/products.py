"""The products that a post may be about, and the classes that the packs reason with."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class ProductClass(StrEnum):
    """What kind of promise a product makes, as far as the rules care."""

    DEPOSIT = "deposit"
    CREDIT = "credit"
    HOME_CREDIT = "home-secured-credit"
    INVESTMENT = "investment"
    HIGH_RISK = "high-risk-investment"
    CRYPTO = "crypto"
    INSURANCE = "insurance"
    NONE = "none"


OTHER = "other"

_MEMBERS = {
    ProductClass.DEPOSIT: """
        business-deposits cash-management cd certificate checking deposit-insurance savings share-account""",
    ProductClass.CREDIT: """
        auto-loan bnpl car-finance cash-advance consumer-credit credit-card debt-consolidation debt-help personal-loan
        small-business-loan""",
    ProductClass.HOME_CREDIT: "equity-release heloc home-loan mortgage",
    ProductClass.INVESTMENT: """
        529 able-account advisory annuity bond brokerage-account cmo equities esg-fund etf fund investment-app
        investment-services ipo ira isa managed-account managed-fund managed-portfolio mutual-fund pension reit
        retirement robo-advice rollover strategy structured-product superannuation""",
    ProductClass.HIGH_RISK: """
        alternatives cfd copy-trading crowdfunding day-trading margin opportunity-zone options p2p private-fund
        private-placement real-estate vct""",
    ProductClass.CRYPTO: "crypto stablecoin",
    ProductClass.INSURANCE: "insurance life-insurance",
    ProductClass.NONE: """
        app brand careers community cra customer-service education event fraud-awareness market-commentary other
        tax-forms tax-planning treasury-management trust""",
}

PRODUCTS = MappingProxyType({slug: kind for kind, slugs in _MEMBERS.items() for slug in slugs.split()})
"""Product slug to class."""


_ALSO_CALLED = MappingProxyType(
    {
        "401k": "retirement",
        "business-banking": "business-deposits",
        "current-account": "checking",
        "debt": "debt-help",
        "forex": "cfd",
        "hiring": "careers",
        "home-equity": "heloc",
        "shares": "equities",
        "smsf": "superannuation",
        "stocks": "equities",
        "structured-note": "structured-product",
        "super": "superannuation",
        "unlisted-bond": "private-placement",
    }
)
"""Other names that firms use: what a file or a program sends is read as what it means."""


def known(product: str | None) -> str:
    """The slug itself or the one that it is another name of; `other` where it is unknown or not given."""
    slug = _ALSO_CALLED.get(product or "", product)
    return slug if slug is not None and slug in PRODUCTS else OTHER


def class_of(product: str | None) -> ProductClass:
    """The class of a product; `none` where the product is unknown or not given."""
    return PRODUCTS[known(product)]
