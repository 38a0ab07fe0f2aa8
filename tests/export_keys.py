"""Exports of logs whose keys changed, written by hand: what holds, and what does not."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from authority import Authority
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from small_exports import Log, manifest_of, sha256, sums_of, zipped

from approval import tlog

Files = tuple[bytes, bytes, str | None]
"""The archive, the note and the key that the reader brings."""
Pair = tuple[tlog.VerifierKey, Ed25519PrivateKey]


class Turning(Log):
    """A log whose keys change. `pairs` are all its keys, `signing` those that sign its checkpoint."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.pairs: list[Pair] = [(self.key, self.secret)]
        self.signing = list(self.pairs)
        self.earlier: dict[int, bytes] = {}
        self.tokens: dict[int, bytes] = {}

    def announce(self, *, old: int = -1, **facts: Any) -> Pair:
        """Append the announcement of another key; the checkpoint is signed by both."""
        secret = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"%d" % len(self.pairs)).digest())
        key = tlog.VerifierKey(self.key.name, secret.public_key().public_bytes_raw())
        said = {
            "old": self.pairs[old][0].to_text(),
            "new": key.to_text(),
            "signs_from": len(self.entries) + 1,
            "until": None,
        }
        self.append("log.key_announced", facts=said | facts)
        self.pairs.append((key, secret))
        self.signing = self.pairs[-2:]
        return key, secret

    def retire(self) -> None:
        """Append that the key before the newest signs no more."""
        self.append("log.key_retired", facts={"vkey": self.pairs[-2][0].to_text()})
        self.signing = self.pairs[-1:]

    def revoke(self, *, last_size: int, place: int = -2) -> None:
        """Append that a key is not trusted beyond a size."""
        facts = {"vkey": self.pairs[place][0].to_text(), "since": "2026-11-21T00:00:00.000000Z", "last_size": last_size}
        self.append("log.key_revoked", facts=facts)
        self.signing = self.pairs[-1:]

    def go_on(self, times: int = 3) -> None:
        for _ in range(times):
            self.append("posts.created")

    def checkpoint(self, *signing: Pair, root: bytes | None = None) -> bytes:
        size = len(self.entries)
        head = tlog.Checkpoint(self.key.name, size, root or tlog.root(size, self.read))
        notes = [tlog.sign_checkpoint(head, key=key, sign=secret.sign) for key, secret in signing or self.signing]
        signatures = [signature for note in notes for signature in tlog.Note.from_bytes(note).signatures]
        return tlog.Note(head.to_text(), tuple(signatures)).to_bytes()

    def keep(self, *signing: Pair, root: bytes | None = None) -> int:
        """Keep a checkpoint over what there is now, for the export that is made later."""
        self.earlier[len(self.entries)] = self.checkpoint(*signing, root=root)
        return len(self.entries)

    def members(self) -> dict[str, bytes]:
        size, folder = len(self.entries), f"logs/{self.name}"
        members = super().members() | {f"{folder}/checkpoint": self.checkpoint()}
        for old, note in self.earlier.items():
            proof = tlog.prove_consistency(old, size, self.read) if old < size else []
            members[f"{folder}/earlier/{old}.checkpoint"] = note
            members[f"{folder}/earlier/{old}.proof"] = b"".join(base64.b64encode(each) + b"\n" for each in proof)
        return members | {f"{folder}/anchors/{old}.tsr": token for old, token in self.tokens.items()}

    def in_manifest(self) -> dict[str, Any]:
        return super().in_manifest() | {"vkey": self.signing[-1][0].to_text()}


def exported(log: Turning, key: Pair | None, *, spoil: Callable[[dict[str, bytes]], object] | None = None) -> Files:
    members = log.members() | {"manifest.json": json.dumps(manifest_of(log)).encode()}
    if spoil:
        spoil(members)
    archive = zipped({**members, "SHA256SUMS": sums_of(members)})
    text = f"approval-export/v1\n{log.key.name}\n{len(archive)}\n{sha256(archive)}\n"
    newest, secret = log.signing[-1]
    return archive, tlog.sign_note(text, key=newest, sign=secret.sign), key and key[0].to_text()


def turned() -> Turning:
    """A log that went on, announced a second key, sealed that with both, retired the first, and went on."""
    log = Turning("northwind")
    log.go_on()
    log.announce()
    log.keep()
    log.go_on()
    log.retire()
    log.go_on()
    return log


def thrice() -> Turning:
    log = turned()
    log.announce()
    log.keep()
    log.retire()
    log.go_on(1)
    return log


def overlapping() -> Turning:
    log = Turning("northwind")
    log.go_on()
    log.announce()
    log.go_on()
    return log


def stolen() -> Turning:
    """The first key was stolen: one checkpoint lies before the cut, one after it; the second key took its place."""
    log = Turning("northwind")
    log.go_on()
    before = log.keep()
    log.go_on()
    log.keep()
    log.announce()
    log.revoke(last_size=before)
    log.go_on()
    return log


def revoked_later() -> Turning:
    """The first key was stolen after it had been retired: the cut lies behind all that it signed."""
    log = turned()
    log.revoke(last_size=max(log.earlier))
    return log


def forged() -> Turning:
    """Somebody who never had the first key announces a second one in a log of their own making."""
    log = Turning("northwind")
    log.go_on()
    log.announce()
    log.keep(log.pairs[-1])
    log.retire()
    log.go_on()
    return log


# -- time stamps, by a real authority ------------------------------------------------------------------------------


@cache
def authority() -> Authority:
    folder = Path(tempfile.mkdtemp(prefix="approval-authority-"))
    made = Authority(folder)
    made.found()
    return made


@cache
def token_of(text: bytes) -> bytes:
    folder = authority().folder
    (folder / "text").write_bytes(text)
    words = ["openssl", "ts", "-query", "-data", "text", "-sha256", "-cert", "-out", "query"]
    subprocess.run(words, cwd=folder, check=True, capture_output=True)
    return authority().reply((folder / "query").read_bytes())


def dated(*, of: bytes | None = None, cut: int = 0) -> Turning:
    log = turned()
    for size, note in {**log.earlier, len(log.entries): log.checkpoint()}.items():
        token = token_of(of or tlog.Note.from_bytes(note).text.encode())
        log.tokens[size] = token[: len(token) - cut]
    return log


def with_authority(members: dict[str, bytes]) -> None:
    members["anchors/authority.pem"] = authority().ca.read_bytes()


# -- the tables ----------------------------------------------------------------------------------------------------


def under(make: Callable[[], Turning], place: int | None, **more: Any) -> Callable[[], Files]:
    def files() -> Files:
        log = make()
        return exported(log, None if place is None else log.pairs[place], **more)

    return files


HOLDS: dict[str, Callable[[], Files]] = {
    "turned, under the new key": under(turned, -1),
    "turned, under the old key": under(turned, 0),
    "while both sign, under the new key": under(overlapping, -1),
    "while both sign, under the old key": under(overlapping, 0),
    "three keys, under the first": under(thrice, 0),
    "three keys, under the second": under(thrice, 1),
    "stolen, under the key that took its place": under(stolen, -1),
    "stolen long after, under the stolen key": under(revoked_later, 0),
    "dated from outside": under(dated, 0),
    "dated from outside, with certificates": under(dated, 0, spoil=with_authority),
    "of two keys, filtered": lambda: exported(filtered(), filtered().pairs[0]),
}


def filtered(*without: int) -> Turning:
    log = turned()
    kinds = [json.loads(entry)["kind"] for entry in log.entries]
    log.included = [i for i, kind in enumerate(kinds) if kind.startswith("log.") and i not in without]
    return log


def spoilt(make: Callable[[], Turning], change: Callable[[Turning], object], place: int = -1) -> Callable[[], Files]:
    def files() -> Files:
        log = make()
        change(log)
        return exported(log, log.pairs[place])

    return files


def another_root(log: Turning) -> None:
    log.go_on(1)
    log.keep(log.pairs[0], root=b"r" * 32)
    log.go_on(1)


def twice_of_one_size(log: Turning) -> None:
    log.keep(log.pairs[0], root=b"r" * 32)


def signed_by_the_retired_key(log: Turning) -> None:
    log.signing = log.pairs[:1]


def of_a_stranger() -> Files:
    archive, note, _ = exported(turned(), None)
    secret = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
    return archive, note, tlog.VerifierKey(turned().key.name, secret.public_key().public_bytes_raw()).to_text()


def with_a_false_signature(members: dict[str, bytes]) -> None:
    note = tlog.Note.from_bytes(members["logs/northwind/checkpoint"])
    old, new = note.signatures
    false = tlog.Signature(old.name, old.key_id, old.value[:-1] + bytes([old.value[-1] ^ 1]))
    members["logs/northwind/checkpoint"] = tlog.Note(note.text, (false, new)).to_bytes()


def without(*endings: str) -> Callable[[dict[str, bytes]], object]:
    return lambda members: [members.pop(name) for name in list(members) if name.endswith(endings)]


def cut_proof(members: dict[str, bytes]) -> None:
    name = next(name for name in members if "/earlier/" in name and name.endswith(".proof"))
    members[name] = members[name].split(b"\n", 1)[1]


def stray(members: dict[str, bytes]) -> None:
    members["logs/northwind/earlier/4.txt"] = b""


OTHER_ORIGIN = tlog.VerifierKey("other.example.com/log", b"2" * 32).to_text()

DOES_NOT_HOLD: dict[str, tuple[Callable[[], Files], str]] = {
    "announcement removed": (lambda: exported(filtered(4), filtered().pairs[-1]), "no announcement leads there"),
    "announcement removed, under the old key": (lambda: exported(filtered(4), filtered().pairs[0]), "another"),
    "forged, under the first key": (under(forged, 0), "is not sealed by the one before"),
    "forged, under the forger's key": (under(forged, -1), "is not sealed by the one before"),
    "forged, under no key": (under(forged, None), "is not sealed by the one before"),
    "what vouches is not there": (under(turned, 0, spoil=without("4.checkpoint", "5.checkpoint", ".proof")), "sealed"),
    "a stolen key leads nobody": (under(stolen, 0), "was revoked by entry"),
    "a stranger's key of the same name": (of_a_stranger, "another key"),
    "two roots of one size under two keys": (spoilt(overlapping, twice_of_one_size), "of one size there is one alone"),
    "two histories under two keys": (spoilt(overlapping, another_root), "two histories"),
    "signed by the retired key": (spoilt(turned, signed_by_the_retired_key, 0), "no announcement leads there"),
    "a false signature beside a good one": (under(overlapping, -1, spoil=with_a_false_signature), "does not hold"),
    "earlier checkpoint without its proof": (under(turned, -1, spoil=without("5.proof")), "missing"),
    "earlier checkpoint with half its proof": (under(turned, -1, spoil=cut_proof), "earlier"),
    "a stray member of a log": (under(turned, -1, spoil=stray), "not those in the archive"),
    "announced under another key": (spoilt(turned, lambda log: log.announce(old=0)), "successor"),
    "announced from another size": (spoilt(turned, lambda log: log.announce(signs_from=3)), "another size"),
    "announced of another origin": (spoilt(turned, lambda log: log.announce(new=OTHER_ORIGIN)), "successor"),
    "the newest key revoked": (spoilt(turned, lambda log: log.revoke(last_size=1, place=-1)), "no successor"),
    "revoked twice": (spoilt(revoked_later, lambda log: log.revoke(last_size=1)), "twice"),
    "dated, something else": (under(lambda: dated(of=b"another text"), -1), "something else"),
    "dated, cut short": (under(lambda: dated(cut=1), -1), "cannot be read"),
    "dated, without its checkpoint": (under(dated, -1, spoil=without("5.checkpoint", "5.proof")), "missing"),
}
