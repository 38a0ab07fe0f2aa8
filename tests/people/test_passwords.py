from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from approval.errors import Invalid
from approval.people.services import passwords
from approval.people.services.passwords import NOBODYS

NAME, EMAIL = "Maria Keller", "maria.keller@northwind.example"


@pytest.mark.parametrize(
    "password",
    [
        "seven quiet herons at dawn",
        "k7#Vq!2mZp$9wLx",
        "übermäßig lange Wörter",
        "maria likes to walk along the quay",
        "x" * 3 + "correct words that nobody lists" * 30,
    ],
)
def test_a_long_password_is_taken_whatever_it_is_composed_of(password):
    passwords.ensure_acceptable(password, email=EMAIL, name=NAME)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "15 to 1,024"),
        ("fourteen chars", "15 to 1,024"),
        ("x" * 1025, "15 to 1,024"),
        ("correct horse battery staple", "leaked"),
        ("Qwertyuiop123456", "leaked"),
        ("abcabcabcabcabcabc", "repeats"),
        ("aaaaaaaaaaaaaaaaaaaa", "repeats"),
        ("abcdefghijklmnopqrst", "repeats"),
        ("zyxwvutsrqponmlkj", "repeats"),
        ("maria.keller@northwind.example", "your name"),
        ("MariaKeller2026!", "your name"),
        ("approval-password-12", "product"),
    ],
)
def test_a_password_that_can_be_guessed_is_refused_with_the_reason(password, why):
    with pytest.raises(Invalid, match=why) as refused:
        passwords.ensure_acceptable(password, email=EMAIL, name=NAME)
    assert refused.value.problems[0].where == "password"


def test_only_the_right_password_matches():
    kept = passwords.hashed("seven quiet herons at dawn")
    assert kept.startswith("$argon2id$")
    assert passwords.matches(kept, "seven quiet herons at dawn")
    assert not passwords.matches(kept, "seven quiet herons at dusk")
    assert not passwords.matches(None, "the password of nobody")
    assert not passwords.matches("damaged", "seven quiet herons at dawn")


def test_nothing_beyond_the_longest_is_cut_off_and_then_taken():
    kept = passwords.hashed("y" * 1024)
    assert passwords.matches(kept, "y" * 1024)
    assert not passwords.matches(kept, "y" * 1025)


def test_the_same_characters_match_however_they_are_composed():
    assert passwords.matches(passwords.hashed("u\u0308bermäßig lange Wörter"), "\u00fcbermäßig lange Wörter")


def test_a_hash_of_weaker_days_is_outdated():
    weak = PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash("x")
    assert passwords.is_outdated(weak)
    assert not passwords.is_outdated(passwords.hashed("x"))


def test_nobody_costs_as_much_as_somebody():
    assert not PasswordHasher().check_needs_rehash(NOBODYS)
