"""The main job from outside: only the commands, the pages and the API of the contract are known here.

Usage: python main_job.py, with `approval` on PATH. Exits 0 where everything held.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import contextmanager
from pathlib import Path

import httpx

FLIPS = 25
DECIDES = {"reviewer", "compliance"}


class Program:
    """One installation in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            **os.environ,
            "APPROVAL_DATA": str(folder / "data"),
            "APPROVAL_SECRET_KEY": uuid.uuid4().hex * 2,
            "APPROVAL_BASE_URL": self.url,
        }

    def run(self, *args: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["approval", *args], env=self.env, cwd=self.folder, capture_output=True, text=True, timeout=300
        )
        assert done.returncode in codes, f"approval {' '.join(args)}: {done.returncode}: {done.stderr[-400:]}"
        return done

    @contextmanager
    def serving(self):
        log = (self.folder / "serve.log").open("w")
        child = subprocess.Popen(
            ["approval", "serve", "--port", str(self.port)],
            env=self.env, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            until(lambda: answers(self.url + "/healthz"), 30, "the server is up")
            yield
        finally:
            started = time.monotonic()
            os.killpg(child.pid, signal.SIGTERM)
            child.wait(10)
            log.close()
            assert time.monotonic() - started < 5, "serve did not end within five seconds"


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.HTTPError:
        return False


def until(holds, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.25)


def sign_in(program: Program, person: dict) -> httpx.Client:
    client = httpx.Client(base_url=program.url, follow_redirects=True, timeout=30)
    field = re.search(r'<input[^>]*name="csrf_token"[^>]*>', client.get("/login").text)
    token = re.search(r'value="([^"]+)"', field[0])[1]
    client.post("/login", data={"email": person["email"], "password": person["password"], "csrf_token": token})
    me = client.get("/api/v1/me")
    assert me.status_code == 200, f"{person['email']} cannot sign in"
    client.headers["X-CSRFToken"] = me.json()["csrf_token"]
    return client


def decision(stage: str, seen: str) -> dict:
    return {"stage": stage, "seen": seen, "verdict": "approve", "note": "Facts checked.", "key": str(uuid.uuid4())}


def publish_a_post(program: Program, demo: dict) -> str:
    def holding(*roles: str) -> list[dict]:
        return [person for person in demo["people"] if set(roles) & set(person["roles"])]

    author = sign_in(program, holding("marketer")[0])
    feed = next(channel["name"] for channel in demo["channels"] if channel["via"] == "feed")
    words = f"The {''.join(random.choices('abcdefghijklm', k=10))} branch opens at nine from Monday"
    made = author.post(
        "/api/v1/posts",
        json={
            "workspace": demo["workspace"],
            "title": "Hours",
            "texts": {feed: words + "."},
            "product": "brand",
            "audience": "retail",
        },
    )
    assert made.status_code == 201, made.text
    url, digest = f"/api/v1/posts/{made.json()['id']}", made.json()["revision"]["digest"]
    assert author.post(url + "/submit", json={}).status_code == 200
    stages = author.get(url).json()["stages"]
    assert len(stages) >= 2, "the workflow has two stages"
    own = author.post(url + "/decisions", json=decision(stages[0]["id"], digest))
    assert own.status_code == 403, "the author decided on their own words"
    deciders = [sign_in(program, person) for person in holding(*DECIDES)]
    for _ in stages:
        for client in deciders:
            for stage in client.get(url).json()["stages"]:
                client.post(url + "/decisions", json=decision(stage["id"], digest))
    assert author.get(url).json()["standing"] == "approved"
    at = dt.datetime.now(dt.UTC) + dt.timedelta(seconds=3)
    when = {"publish_at": at.isoformat(), "zone": "UTC"}
    publisher = sign_in(program, holding("publisher")[0])
    assert author.post(url + "/schedule", json=when).status_code == 403, "a marketer published"
    scheduled = publisher.post(url + "/schedule", json=when)
    assert scheduled.status_code == 200, scheduled.text
    until(lambda: author.get(url).json()["standing"] == "published", 60, "the post is out")
    atom = httpx.get(f"{program.url}/feeds/{demo['workspace']}/{feed}.atom").text
    assert words in atom, "the published words are not those approved"
    return words


def prove_it(program: Program, workspace: str) -> None:
    for act in ("seal", "verify", "replay"):
        program.run("audit", act)
    today, day = dt.date.today(), dt.timedelta(days=1)
    out = program.folder / "export.zip"
    program.run(
        "export", "--workspace", workspace, "--from", str(today - day), "--to", str(today + day), "--out", str(out)
    )
    vkey = program.run("audit", "key", "--workspace", workspace).stdout.strip()
    program.run("verify", str(out), "--vkey", vkey)
    assert program.run("verify", str(out)).stdout.startswith("signer not checked: ")
    name, _, key = vkey.split("+", 2)
    program.run("verify", str(out), "--vkey", f"{name}+00000000+{key}", codes=(1, 2))
    whole, rng = out.read_bytes(), random.Random(11)
    for _ in range(FLIPS):
        place = rng.randrange(len(whole))
        flipped = bytearray(whole)
        flipped[place] ^= 1 << rng.randrange(8)
        out.write_bytes(flipped)
        program.run("verify", str(out), "--vkey", vkey, codes=(1,))


def main() -> None:
    """Walk the main job once."""
    program = Program(Path(tempfile.mkdtemp(prefix="approval-main-job-")))
    demo = json.loads(program.run("demo", "--empty", "--format", "json").stdout)
    again = json.loads(program.run("demo", "--empty", "--format", "json").stdout)
    assert again == demo, "a second `demo` answers differently"
    with program.serving():
        publish_a_post(program, demo)
        prove_it(program, demo["workspace"])
    print(f"published as approved, sealed, replayed, exported; none of {FLIPS} flipped exports accepted")


if __name__ == "__main__":
    sys.exit(main())
