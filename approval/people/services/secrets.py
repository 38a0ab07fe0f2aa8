"""Stored secrets: AES-256-GCM under a key derived from the installation's secret, with the key's id."""

from __future__ import annotations

import hashlib
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from approval.errors import BadSetting

_FORM = b"\x01"
_KEY_ID, _NONCE = 4, 12
_HEAD = len(_FORM) + _KEY_ID


def seal_secret(settings_secret_key: str, secret: bytes) -> bytes:
    """Encrypt *secret*: one byte for the form, 4 for the key's id, a 12-byte nonce, ciphertext and tag."""
    key = _key(settings_secret_key)
    nonce = os.urandom(_NONCE)
    head = _FORM + _key_id(key)
    return head + nonce + AESGCM(key).encrypt(nonce, secret, head)


def open_secret(settings_secret_key: str, sealed: bytes) -> bytes:
    """Decrypt what `seal_secret` made; BadSetting where it was sealed under another key or has been changed."""
    key = _key(settings_secret_key)
    head, nonce, rest = sealed[:_HEAD], sealed[_HEAD : _HEAD + _NONCE], sealed[_HEAD + _NONCE :]
    if head != _FORM + _key_id(key):
        raise BadSetting("APPROVAL_SECRET_KEY", "…", "a stored secret was sealed under another key: set that one")
    try:
        return AESGCM(key).decrypt(nonce, rest, head)
    except (InvalidTag, ValueError) as error:
        raise BadSetting("APPROVAL_SECRET_KEY", "…", "a stored secret was damaged: enter it again") from error


def _key(settings_secret_key: str) -> bytes:
    derive = HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=b"approval stored secrets v1")
    return derive.derive(settings_secret_key.encode())


def _key_id(key: bytes) -> bytes:
    return hashlib.sha256(b"key id" + key).digest()[:_KEY_ID]
