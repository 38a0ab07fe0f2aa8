"""The main job on labelled posts: imported, submitted, decided as their labels say, published, exported, verified.

`labelled_posts.jsonl` holds posts with what an officer would flag in each; no label: an officer would let it pass.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from factories import HOST, Firm, a_decision, a_firm, a_picture
from sqlalchemy import select

from approval import settings as environment
from approval.audit.models.keys import Keys
from approval.db import connect, reading, schema, transaction
from approval.errors import NotReady
from approval.people.models import Via
from approval.people.services import accounts
from approval.posts import services as posting
from approval.posts.models import Post, Standing
from approval.posts.queries import payload_of, post_for_change
from approval.publishing import jobs, services as publishing
from approval.publishing.models import Publication
from approval.publishing.queries import feed_page
from approval.review import services as review
from approval.review.flow import Verdict
from approval.settings import Settings

LABELLED = Path(__file__).with_name("labelled_posts.jsonl")
NETWORKS = ("facebook", "instagram", "bluesky", "mastodon")


@dataclass
class Walked:
    """What became of the posts, and how many seconds each leg took."""

    posts: int
    labelled: int = 0
    refused_labelled: int = 0
    refused_clean: int = 0
    returned: int = 0
    published: int = 0
    entries: int = 0
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def leg(self, name: str) -> Iterator[None]:
        """Time a part of the way."""
        began = time.monotonic()
        yield
        self.seconds[name] = time.monotonic() - began


def labelled(every: int = 1) -> list[dict]:
    """The labelled posts, or every so many-th of them."""
    return [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()][::every]


def walk(folder: Path, rows: Sequence[dict]) -> Walked:
    """Take the posts through the whole of it in a new installation under *folder*."""
    settings = environment.load({"APPROVAL_DATA": str(folder)})
    schema.upgrade(settings.database_url)
    connect(settings.database_url)
    firm = a_firm(Keys(settings.keys))
    with transaction() as session:
        for network in NETWORKS:
            accounts.open_channel(
                session, workspace=firm.workspace, name=network, title=network, network=network, via=Via.FEED, by=HOST
            )
        picture = posting.add_media(session, firm.workspace, a_picture(), by=firm.marketer).digest.hex()
    walked = Walked(len(rows), labelled=sum(bool(row["labels"]) for row in rows))
    with walked.leg("import"):
        posts = dict(zip(_imported(settings, folder, rows, picture), rows, strict=True))
    with walked.leg("submit"):
        waiting = [id_ for id_ in posts if _submit(firm, id_, walked, is_labelled=bool(posts[id_]["labels"]))]
    with walked.leg("decide"):
        passed = [id_ for id_ in waiting if _decide(firm, id_, walked, is_labelled=bool(posts[id_]["labels"]))]
    with walked.leg("publish"):
        _publish(firm, settings, passed)
    walked.published = _ensure_published_as_written(firm, {id_: posts[id_]["text"] for id_ in passed})
    with walked.leg("seal, export and verify"):
        walked.entries = _prove(settings, folder, firm.workspace)
    return walked


def run(settings: Settings, *words: str) -> str:
    """Run `approval`; its answer."""
    command = [sys.executable, "-m", "approval.cli", *words]
    env = {**os.environ, "APPROVAL_DATA": str(settings.data), "APPROVAL_KEYS": str(settings.keys)}
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def _imported(settings: Settings, folder: Path, rows: Sequence[dict], picture: str) -> list[int]:
    """Import the posts with the command, on the channel of each one's network; their numbers, in order."""
    file = folder / "drafts.jsonl"
    keys = ("text", "regime", "product", "audience")
    # The firm's account on X is one by hand, where nothing is out before a person says so: these go to Mastodon.
    networks = {"x": "mastodon"}
    with file.open("w", encoding="utf-8") as out:
        for row in rows:
            draft = {key: row[key] for key in keys} | {"network": networks.get(row["channel"], row["channel"])}
            if row["channel"] == "instagram":
                # Which takes no post without an image.
                draft["media"] = [{"digest": picture, "alt": "A plain blue card"}]
            out.write(json.dumps(draft, ensure_ascii=False) + "\n")
    email = "maria@northwind.example"
    answer = json.loads(run(settings, "posts", "import", str(file), "--as", email, "--format", "json"))
    assert answer["bad"] == []
    return [made["id"] for made in answer["made"]]


def _submit(firm: Firm, id_: int, walked: Walked, *, is_labelled: bool) -> bool:
    """Submit; False where a finding blocks it."""
    try:
        with transaction() as session:
            review.submit(session, post_for_change(session, id_), by=firm.marketer)
    except NotReady:
        walked.refused_labelled += is_labelled
        walked.refused_clean += not is_labelled
        return False
    return True


def _decide(firm: Firm, id_: int, walked: Walked, *, is_labelled: bool) -> bool:
    """Decide as the labels say; True where both stages approve."""
    for by in (firm.reviewer, firm.compliance):
        with transaction() as session:
            post = post_for_change(session, id_)
            a_decision(session, post, by=by, verdict=Verdict.REQUEST_CHANGES if is_labelled else Verdict.APPROVE)
        if is_labelled:
            walked.returned += 1
            return False
    return True


def _publish(firm: Firm, settings: Settings, posts: Sequence[int]) -> None:
    for id_ in posts:
        with transaction() as session:
            publishing.publish_now(session, post_for_change(session, id_), by=firm.publisher)
    jobs.publish_due(settings, "walk")


def _ensure_published_as_written(firm: Firm, wanted: dict[int, str]) -> int:
    """Compare each feed with what was written, byte for byte; how many posts are out."""
    with reading() as session:
        out = {
            row.post: payload_of(session, firm.workspace, row.revision)
            for row in session.scalars(select(Publication).where(Publication.workspace == firm.workspace))
        }
        assert {id_: next(iter(payload.texts.values())) for id_, payload in out.items()} == wanted
        standings = Counter(session.scalars(select(Post.standing).where(Post.id.in_(wanted))))
        assert standings == {Standing.PUBLISHED: len(wanted)}
        fed: set[str] = set()
        for name in ("news", "site", *NETWORKS):
            before = None
            while page := feed_page(session, firm.workspace, name, before=before):
                fed.update(entry.text for entry in page.entries)
                if (before := page.before) is None:
                    break
        assert fed == set(wanted.values())
    return len(out)


def _prove(settings: Settings, folder: Path, workspace: str) -> int:
    """Seal, verify, replay, export the day, and verify the export with both verifiers; the number of entries."""
    for act in ("seal", "verify", "replay"):
        run(settings, "audit", act)
    today, day = dt.datetime.now(dt.UTC).date(), dt.timedelta(days=1)
    out = folder / "export.zip"
    span = ("--from", str(today - day), "--to", str(today + day))
    run(settings, "export", "--workspace", workspace, *span, "--out", str(out))
    vkey = run(settings, "audit", "key", "--workspace", workspace).strip()
    run(settings, "verify", str(out), "--vkey", vkey)
    with zipfile.ZipFile(out) as archive:
        verifier = next(name for name in archive.namelist() if name.endswith("verify.py"))
        alone = folder / "verify.py"
        alone.write_bytes(archive.read(verifier))
        name = next(name for name in archive.namelist() if name.endswith("entries.jsonl"))
        entries = archive.read(name).count(b"\n")
    done = subprocess.run(
        [sys.executable, "-I", str(alone), str(out), "--vkey", vkey], capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return entries
