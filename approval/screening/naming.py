"""What rules say in slugs, as people read it."""

from __future__ import annotations

from collections.abc import Mapping

from approval.networks import NETWORKS

KIND_NAMES: Mapping[str, str] = {
    "phrase": "Words that stand in the text",
    "swap": "Words for which there are better ones",
    "require": "A wording that is needed and missing",
    "proximity": "Two things close to each other",
    "limit": "Something that stands there too often",
    "pattern": "Characters in a certain order",
    "repetition": "The same again and again",
    "figure": "A number of a certain sort and size",
    "link": "Links, hashtags and handles",
    "pressure": "A call in a manner that pushes",
    "comparison": "A comparison without its basis",
    "testimonial": "A customer's words without a disclosure",
    "pii": "Numbers and addresses of customers",
}
_CAPITALS = {"fdic": "FDIC", "apr": "APR", "pii": "PII", "ira": "IRA", "isa": "ISA", "cd": "CD", "z": "Z", "dd": "DD"}
_CLASSES = {
    "home-secured-credit": "Home-secured credit",
    "high-risk-investment": "High-risk investment",
    "none": "None of these",
}


def amid_words(slug: str) -> str:
    """Write a topic, a product or an audience inside a sentence: `fdic-misuse` as “FDIC misuse”."""
    return " ".join(_CAPITALS.get(word, word) for word in slug.split("-"))


def in_words(slug: str) -> str:
    """Write a topic, a product or an audience by itself: `tax-claim` as “Tax claim”."""
    words = amid_words(slug)
    return words[:1].upper() + words[1:]


def class_name(slug: str) -> str:
    """Name a class of products."""
    return _CLASSES.get(slug) or in_words(slug)


def network_name(slug: str) -> str:
    """Name a network."""
    return NETWORKS[slug].title if slug in NETWORKS else in_words(slug)
