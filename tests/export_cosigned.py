"""Exports whose checkpoints a witness cosigned, and exports that only say so: for both verifiers."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from small_exports import Export, note_over

from approval import tlog

NAME = "auditor.example"
AT = 1_798_761_600
Made = tuple[bytes, bytes, str, tuple[str, ...]]


def of(name: str, seed: bytes = b"witness") -> tuple[tlog.CosignerKey, Ed25519PrivateKey]:
    secret = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(seed).digest())
    return tlog.CosignerKey(name, secret.public_key().public_bytes_raw()), secret


KEY, SECRET = of(NAME)
VKEY = KEY.to_text()


def line(text: str, time: int = AT) -> str:
    """The cosignature of the witness over the text of a checkpoint."""
    return tlog.cosign(text, key=KEY, time=time, sign=SECRET.sign).to_line()


def made(change: Callable[[str], str], *, logs: tuple[str, ...] = ("northwind", "installation")) -> Made:
    """An export with what *change* makes of the text of each checkpoint below its signature, and the witness's key."""
    export = Export(Path())
    for log in logs:
        name = f"logs/{log}/checkpoint"
        note = export.members[name].decode()
        export.members[name] = (note + change(note.partition("\n\n")[0] + "\n")).encode()
    archive = export.archive()
    return archive, note_over(archive, export.log), export.vkey, (VKEY,)


def damaged(text: str) -> str:
    good = line(text)
    data = bytearray(base64.b64decode(good.rpartition(" ")[2]))
    data[40] ^= 1
    return f"— {NAME} {base64.b64encode(data).decode()}\n"


def shortened(text: str) -> str:
    data = base64.b64decode(line(text).rpartition(" ")[2])[:-1]
    return f"— {NAME} {base64.b64encode(data).decode()}\n"


def signed_as_a_log(text: str) -> str:
    """A plain signature of the witness's key, under its key id: no cosignature, which also signs a time."""
    return tlog.Signature(NAME, KEY.key_id, SECRET.sign(text.encode())).to_line()


def by_a_namesake(text: str) -> str:
    key, secret = of(NAME, b"namesake")
    return tlog.cosign(text, key=key, time=AT, sign=secret.sign).to_line()


COSIGNED: dict[str, Callable[[], Made]] = {
    "both logs": lambda: made(line),
    "twice, at two times": lambda: made(lambda text: line(text) + line(text, AT + 60)),
    "beside a stranger": lambda: made(lambda text: by_a_namesake(text) + line(text)),
}
NOT_COSIGNED: dict[str, tuple[Callable[[], Made], str]] = {
    "by nobody": (lambda: made(lambda text: ""), "no checkpoint here is cosigned by auditor.example"),
    "one log alone": (lambda: made(line, logs=("northwind",)), "log installation: no checkpoint here is cosigned"),
    "by a namesake": (lambda: made(by_a_namesake), "no checkpoint here is cosigned by auditor.example"),
    "damaged": (lambda: made(damaged), "the cosignature of auditor.example does not hold"),
    "shortened": (lambda: made(shortened), "the cosignature of auditor.example does not hold"),
    "of another text": (lambda: made(lambda _: line("x\n1\nA\n")), "the cosignature of auditor.example does not hold"),
    "without a time": (lambda: made(signed_as_a_log), "the cosignature of auditor.example does not hold"),
    "at no time": (lambda: made(lambda text: line(text, 1 << 62)), "the cosignature of auditor.example names no time"),
    "once well, once not": (lambda: made(lambda text: line(text) + damaged(text)), "does not hold"),
}
