"""Signing by a device outside (PKCS#11, a KMS), through one narrow door: a command that the operator names.

It is given the bytes on standard input and answers with the 64 bytes of an Ed25519 signature. Nothing of it is
believed: the signature is verified before it is used. It is ended after ten seconds.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence

from approval.errors import NotSigned
from approval.tlog import VerifierKey

SECONDS = 10
_MOST_WORDS = 200


def sign_outside(command: Sequence[str], message: bytes, *, log: str, key: VerifierKey) -> bytes:
    """Have *message* signed by the device that holds *key*; NotSigned where it answers anything but a signature.

    In the words of the command `{log}` stands for the name of the log and `{key}` for the key id, 8 hex digits.
    """
    words = [word.replace("{log}", log).replace("{key}", key.key_id.hex()) for word in command]
    try:
        done = subprocess.run(words, input=message, capture_output=True, timeout=SECONDS, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotSigned(f"{words[0]} gave no signature for {log} within {SECONDS} seconds") from error
    except OSError as error:
        raise NotSigned(f"{words[0]} cannot be run: {error.strerror}") from error
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip()[-_MOST_WORDS:]
        raise NotSigned(f"{words[0]} signed nothing for {log}, exit code {done.returncode}: {said}")
    if len(done.stdout) != 64:
        raise NotSigned(f"{words[0]} answered {len(done.stdout)} bytes for {log}; a signature has 64")
    return done.stdout
