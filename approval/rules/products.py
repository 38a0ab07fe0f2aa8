"""The products that a post may be about, and the classes that the packs reason with."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
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


_OTHER_NAMES = {
    "529": "college-savings-plan",
    "advisory": "advice financial-advice financial-planning planning wealth wealth-management",
    "alternatives": "commodities futures gold",
    "app": "budgeting-app mobile-banking neobank",
    "auto-loan": "car-loan motorcycle-loan rv-loan vehicle-loan",
    "bnpl": "buy-now-pay-later pay-later",
    "bond": "bonds gilt gilts muni munis treasuries",
    "brand": "award ranking",
    "brokerage-account": "brokerage share-dealing stock-trading trading-account trading-platform",
    "business-deposits": "business-account business-banking",
    "careers": "hiring jobs recruitment",
    "cash-advance": "earned-wage payday-loan",
    "cd": "term-deposit",
    "certificate": "share-certificate",
    "cfd": "cfds forex fx spread-bet spread-betting",
    "checking": "bank-account current-account debit-card prepaid-card student-account",
    "community": "charity volunteering",
    "consumer-credit": "credit-builder overdraft",
    "credit-card": "credit-cards",
    "crypto": "airdrop bitcoin coin cryptocurrency defi digital-assets ethereum nft staking token tokens",
    "customer-service": "service support",
    "day-trading": "daytrading",
    "debt-help": "bankruptcy credit-repair debt debt-management debt-relief debt-settlement iva",
    "equities": "penny-stock share shares stock stocks",
    "equity-release": "lifetime-mortgage reverse-mortgage",
    "esg-fund": "esg green-fund impact-fund sustainable-fund",
    "etf": "etn etp etfs",
    "fraud-awareness": "fraud scam scams",
    "fund": "closed-end-fund funds interval-fund money-market-fund investment-trust oeic unit-trust",
    "heloc": "home-equity second-charge",
    "investment-app": "investing-app micro-investing trading-app",
    "isa": "isas lisa",
    "managed-account": "direct-indexing sma",
    "managed-portfolio": "model-portfolio portfolio",
    "margin": "margin-loan securities-lending",
    "mortgage": "bridging bridging-loan buy-to-let mortgages refinance remortgage",
    "options": "option options-trading",
    "p2p": "peer-to-peer",
    "pension": "pensions sipp",
    "personal-loan": "loan loans",
    "private-fund": "hedge-fund private-credit private-debt private-equity venture-capital venture-fund",
    "private-placement": "mini-bond unlisted-bond",
    "real-estate": "property property-investment",
    "reit": "reits",
    "retirement": "401k 403b",
    "robo-advice": "robo robo-advisor",
    "savings": "cash-isa emergency-fund money-market money-market-account",
    "small-business-loan": "business-loan merchant-cash-advance",
    "strategy": "composite hypothetical performance track-record",
    "structured-product": "structured-note structured-notes",
    "superannuation": "smsf super super-fund",
    "tax-planning": "tax",
}
_ALSO_CALLED = MappingProxyType({name: slug for slug, names in _OTHER_NAMES.items() for name in names.split()})
"""Other names that firms use: what a file or a program sends is read as what it means."""
_RUN_TOGETHER = MappingProxyType(
    {
        name.replace("-", ""): slug
        for name, slug in (*_ALSO_CALLED.items(), *((slug, slug) for slug in PRODUCTS))
        if "-" in name
    }
)
"""The same without hyphens: `minibond`, `creditcard`."""


_APART = re.compile(r"[\s_-]+")
LONGEST = 80
"""Characters of a product's name that is read part by part."""


def known(product: str | None) -> str:
    """The slug itself, the one that it is another name of, or the one that it contains; `other` where there is none.

    Firms name their products in their own words: of `home-equity-loan` the longest part that is known counts, of
    parts as long the last, since English puts the thing there: a `municipal-bond` is a bond.
    """
    return _known(product) if product and len(product) <= LONGEST else OTHER


@lru_cache(maxsize=1024)
def _known(product: str) -> str:
    parts = _APART.split(product.strip().lower())
    for length in range(len(parts), 0, -1):
        for start in range(len(parts) - length, -1, -1):
            name = "-".join(parts[start : start + length])
            slug = _ALSO_CALLED.get(name) or _RUN_TOGETHER.get(name, name)
            if slug in PRODUCTS:
                return slug
    return OTHER


def class_of(product: str | None) -> ProductClass:
    """The class of a product; `none` where the product is unknown or not given."""
    return PRODUCTS[known(product)]
