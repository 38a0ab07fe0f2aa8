"""Exports written by hand, with approval.tlog and `cryptography`: nothing that the verifier shares."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from approval import tlog
from approval.records import verify as verifier

ORIGIN = "approval.example.com"


@dataclass
class Log:
    """One log in memory, and what of it is exported."""

    name: str
    entries: list[bytes] = field(default_factory=list)
    openings: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    included: list[int] | None = None

    def __post_init__(self) -> None:
        self.secret = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(self.name.encode()).digest())
        public = self.secret.public_key().public_bytes_raw()
        self.key = tlog.VerifierKey(f"{ORIGIN}/{self.name}", public)
        self.append("log.opened", facts={"origin": self.key.name, "vkey": self.key.to_text()})

    def append(self, kind: str, **more: Any) -> int:
        entry = {"v": 1, "kind": kind, "at": "2026-11-21T21:33:00.000000Z", "actor": "p1", "rows": [], **more}
        self.entries.append(rfc8785.dumps(entry))
        return len(self.entries) - 1

    def read(self, nodes: Any) -> list[bytes]:
        return [tlog.tree_hash(map(tlog.leaf_hash, self.entries[i << k : i + 1 << k])) for k, i in nodes]

    def members(self) -> dict[str, bytes]:
        size = len(self.entries)
        included = list(range(size)) if self.included is None else self.included
        lines = [
            {"index": index, "entry": self.entries[index].decode(), "openings": self.openings.get(index, [])}
            for index in included
        ]
        checkpoint = tlog.Checkpoint(self.key.name, size, tlog.root(size, self.read))
        proof = tlog.prove_subset(included, size, self.read)
        return {
            f"logs/{self.name}/checkpoint": tlog.sign_checkpoint(checkpoint, key=self.key, sign=self.secret.sign),
            f"logs/{self.name}/entries.jsonl": b"".join(json.dumps(line).encode() + b"\n" for line in lines),
            f"logs/{self.name}/proof": b"".join(base64.b64encode(each) + b"\n" for each in proof),
        }

    def in_manifest(self) -> dict[str, Any]:
        count = len(self.entries) if self.included is None else len(self.included)
        return {"log": self.name, "vkey": self.key.to_text(), "size": len(self.entries), "entries": count}


def opening(value: Any, *, salt: bytes = b"s" * 32) -> dict[str, Any]:
    mac = hmac.new(salt, rfc8785.dumps(value), hashlib.sha256).hexdigest()
    return {"commitment": mac, "salt": salt.hex(), "value": value}


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def manifest_of(*logs: Log, **more: Any) -> dict[str, Any]:
    return {
        "format": "approval-export/v1",
        "workspace": logs[0].name,
        "origin": logs[0].key.name,
        "from": "2026-01-01",
        "to": "2026-12-31",
        "zone": "Europe/Berlin",
        "generated_at": "2027-01-04T08:12:00.000000Z",
        "logs": [log.in_manifest() for log in logs],
        **more,
    }


def sums_of(members: dict[str, bytes]) -> bytes:
    return "".join(f"{sha256(members[name])}  {name}\n" for name in sorted(members)).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def note_over(archive: bytes, log: Log) -> bytes:
    text = f"approval-export/v1\n{log.key.name}\n{len(archive)}\n{sha256(archive)}\n"
    return tlog.sign_note(text, key=log.key, sign=log.secret.sign)


def save(folder: Path, archive: bytes, note: bytes) -> str:
    path = folder / "export.zip"
    path.write_bytes(archive)
    (folder / "export.zip.note").write_bytes(note)
    return str(path)


@dataclass
class Export:
    """A full export: a workspace's log with a gap, the installation's log, openings and contents."""

    folder: Path

    def __post_init__(self) -> None:
        self.log, self.installation = Log("northwind"), Log("installation")
        payload = b'{"title":"Savings"}'
        self.name = opening("Ada Lovelace")
        erased = opening("an erased comment", salt=b"e" * 32)
        self.content = f"content/{sha256(payload)}"
        image = {
            "id": 17,
            "by": {"commitment": self.name["commitment"]},
            "note": {"commitment": erased["commitment"]},
            "payload": {"sha256": sha256(payload)},
            "evidence": {"sha256": sha256(b"gone")},
        }
        for kind in (
            "posts.created",
            "posts.revised",
            "review.submitted",
            "review.decided",
            "publishing.published",
        ):
            self.log.append(kind, rows=[{"table": "post", "key": {"id": 17}, "image": image}])
        self.log.openings = {2: [self.name]}
        self.log.included = [0, 2, 3, 5]
        self.installation.append("people.added")
        self.members = {
            **self.log.members(),
            **self.installation.members(),
            self.content: payload,
            "entries.csv": b"index,kind\n",
            "verify.py": Path(verifier.__file__).read_bytes(),
        }
        self.manifest = manifest_of(self.log, self.installation, absent={sha256(b"gone"): "erased under entry 4"})

    def archive(self) -> bytes:
        members = {**self.members, "manifest.json": json.dumps(self.manifest, indent=1).encode()}
        return zipped({**members, "SHA256SUMS": members.pop("SHA256SUMS", None) or sums_of(members)})

    def save(self, archive: bytes | None = None) -> str:
        archive = self.archive() if archive is None else archive
        return save(self.folder, archive, note_over(archive, self.log))

    @property
    def vkey(self) -> str:
        return self.log.key.to_text()


def smallest_export() -> tuple[bytes, bytes, str]:
    """The archive, the note and the vkey of an export of a log that was only opened."""
    log = Log("n")
    members = log.members() | {"manifest.json": json.dumps(manifest_of(log)).encode()}
    archive = zipped({**members, "SHA256SUMS": sums_of(members)})
    return archive, note_over(archive, log), log.key.to_text()
