from __future__ import annotations

import pytest

from approval.errors import BadSetting
from approval.people.services.secrets import open_secret, seal_secret

KEY = "k" * 40


def test_a_sealed_secret_opens_with_its_key_only():
    sealed = seal_secret(KEY, b"whsec")
    assert open_secret(KEY, sealed) == b"whsec"
    assert b"whsec" not in sealed
    with pytest.raises(BadSetting, match="another key"):
        open_secret("l" * 40, sealed)


def test_equal_secrets_are_sealed_differently():
    assert seal_secret(KEY, b"a") != seal_secret(KEY, b"a")


def test_every_flipped_bit_is_noticed():
    sealed = seal_secret(KEY, b"secret")
    for place in range(len(sealed)):
        damaged = bytearray(sealed)
        damaged[place] ^= 1
        with pytest.raises(BadSetting):
            open_secret(KEY, bytes(damaged))
    for length in range(len(sealed)):
        with pytest.raises(BadSetting):
            open_secret(KEY, sealed[:length])
