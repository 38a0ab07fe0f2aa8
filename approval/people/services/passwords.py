"""Passwords: which are taken, how they are kept, and a comparison that takes the same time for everybody."""

from __future__ import annotations

import threading
import unicodedata
from itertools import pairwise

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from approval.errors import Invalid, Problem

MIN_LENGTH = 15
MAX_LENGTH = 1024
PRODUCT_WORDS = ("approval", "password", "passphrase", "compliance", "administrator", "letmein", "welcome")

# Long passwords that lists of leaked ones hold, beside those that repeat or count.
_COMMON = """
passwordpassword passwordpassword1 password12345678 password123456789 1234567890qwerty qwertyuiopasdfghjkl
qwertyuiopasdfgh qwertyuiop123456 qwertyuiop12345 1q2w3e4r5t6y7u8i 1q2w3e4r5t6y7u8i9o 1qaz2wsx3edc4rfv
1qaz2wsx3edc4rfv5tgb zaq12wsxcde34rfv qazwsxedcrfvtgb qazwsxedcrfvtgbyhn asdfghjklqwertyuiop asdfghjkl123456
zxcvbnmasdfghjkl abcdefghijklmno abcdefghijklmnop abcdefghijklmnopqrstuvwxyz abcdefgh12345678 abcd1234abcd1234
abc123abc123abc123 123456789abcdef 123qweasdzxc123 123qwe123qwe123qwe iloveyouiloveyou iloveyouforever
iloveyousomuch123 iloveyou123456789 ihatethisplace123 correcthorsebatterystaple trustno1trustno1
monkeymonkeymonkey dragondragondragon sunshinesunshine princessprincess footballfootball baseballbaseball
supermansuperman starwarsstarwars changemechangeme changethispassword thisisapassword thisismypassword
thisismypassword1 mypasswordispassword mypassword123456 defaultpassword temporarypassword temppassword12345
administrator123 administrator1234 superadministrator lookingforward123 letmeinletmeinletmein welcomewelcome123
manchesterunited liverpoolfootballclub chelseafootballclub jesuschristislord godisgoodallthetime christianoronaldo
thequickbrownfox thequickbrownfoxjumps tobeornottobe123 idontknowmypassword idontrememberit blink182blink182
metallicametallica 3.1415926535897 3141592653589793 31415926535897932 2718281828459045 0987654321098765
9876543210987654 tobeornottobethatisthequestion letmeinletmein
"""
COMMON = frozenset(_COMMON.split())

# What an account without a password is compared with, so that it takes as long.
NOBODYS = "$argon2id$v=19$m=65536,t=3,p=4$Rk0pdPKLJS8dXl7t6/lnbg$tTYAQ1SqZdUHdESEkX2VuOmHIY0J6CDWi6ifMTlXzAA"

_hasher = PasswordHasher()
# Each hash takes 64 MiB; more at once would let strangers exhaust the memory.
_room = threading.BoundedSemaphore(4)


def hashed(password: str) -> str:
    """Return the form of a password that is kept (argon2id with its parameters and salt)."""
    with _room:
        return _hasher.hash(_normal(password))


def matches(stored: str | None, password: str) -> bool:
    """Say whether *password* is the one kept; without one, False after the same work."""
    long = len(password) > MAX_LENGTH
    try:
        with _room:
            _hasher.verify(stored or NOBODYS, _normal(password[:MAX_LENGTH]))
    except (Argon2Error, InvalidHashError):
        return False
    return stored is not None and not long


def is_outdated(stored: str) -> bool:
    """Say whether a kept password was hashed with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)


def ensure_acceptable(password: str, *, email: str, name: str) -> None:
    """Refuse a password that is short, common, or made of what everybody knows about its owner."""
    if what := _fault(_normal(password), email, name):
        raise Invalid(what, problems=(Problem("password", what),))


def _fault(password: str, email: str, name: str) -> str | None:
    if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
        return f"Give a password of {MIN_LENGTH} to {MAX_LENGTH:,} characters; a few words in a row are easy to keep."
    plain = password.casefold()
    if "".join(plain.split()) in COMMON:
        return "This password is on lists of leaked ones. Choose another."
    if len(set(plain)) < 5 or _repeats(plain) or _counts(plain):
        return "This password repeats or counts. Choose one that nobody can guess from its beginning."
    rest = plain
    for word in sorted(_known_words(email, name), key=len, reverse=True):
        rest = rest.replace(word, "")
    if len(rest) < MIN_LENGTH // 2:
        return "This password is made of your name, your address or the product's name. Choose another."
    return None


def _known_words(email: str, name: str) -> set[str]:
    text = f"{email} {name}".casefold()
    words = "".join(c if c.isalnum() else " " for c in text).split()
    return {word for word in (*words, *PRODUCT_WORDS, email.casefold(), name.casefold()) if len(word) >= 3}


def _repeats(text: str) -> bool:
    """Say whether a piece of at most a third of the text makes all of it: abcabcabc."""
    return any(text == (text[:n] * (len(text) // n + 1))[: len(text)] for n in range(1, len(text) // 3 + 1))


def _counts(text: str) -> bool:
    steps = {ord(b) - ord(a) for a, b in pairwise(text)}
    return len(steps) == 1


def _normal(password: str) -> str:
    # NIST SP 800-63B, 3.1.1.2: the same characters however the keyboard composes them.
    return unicodedata.normalize("NFC", password)
