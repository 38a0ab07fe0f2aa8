"""What the rules are measured beside: two linters of prose, and the rules' own patterns run in plainer ways."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import re2

from approval.rules import RuleSet

WRITE_GOOD = "write-good@1.0.8"
PATIENCE = 120
"""Seconds that npm has to install it."""
MOST_MEMORY = 1 << 30
"""Bytes that a set of patterns may hold of its automaton."""
_COUNT = """
const check = require("write-good");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
texts.slice(0, 100).forEach((text) => check(text));
const begun = process.cpuUsage();
const found = texts.map((text) => check(text).length);
const took = process.cpuUsage(begun);
console.log(JSON.stringify({ found, seconds: (took.user + took.system) / 1e6 }));
"""


class Missing(Exception):
    """A peer is not on this machine; the message says why."""


@dataclass(frozen=True)
class Counted:
    """How many findings each text has, and the seconds of processor time that all of them took."""

    found: Sequence[int]
    seconds: float


def proselint() -> Callable[[str], int]:
    """Its own checks, as they come: how many findings a text has. Raises Missing."""
    try:
        from proselint.checks import __register__
        from proselint.config import DEFAULT
        from proselint.registry import CheckRegistry
        from proselint.tools import LintFile
    except ImportError as error:
        raise Missing("proselint is missing: make bench installs it") from error
    CheckRegistry().register_many(__register__)
    nowhere = Path("post.txt")
    return lambda text: len(LintFile(source=nowhere, content=text).lint(DEFAULT))


def write_good(texts: Sequence[str]) -> Counted:
    """Its own checks, as they come, in a process of Node. Raises Missing."""
    folder = _write_good_folder()
    done = subprocess.run(
        ["node", "-e", _COUNT], cwd=folder, input=json.dumps(texts), capture_output=True, text=True, check=True
    )
    return Counted(**json.loads(done.stdout))


def _write_good_folder() -> Path:
    """Where it is installed: beside the Python packages, never among the sources."""
    for program in ("npm", "node"):
        if shutil.which(program) is None:
            raise Missing(f"{program} is missing")
    folder = Path(sys.prefix) / "peers"
    if not (folder / "node_modules" / "write-good").is_dir():
        folder.mkdir(exist_ok=True)
        install = ["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--silent", WRITE_GOOD]
        try:
            subprocess.run(install, capture_output=True, check=True, timeout=PATIENCE)
        except (subprocess.SubprocessError, OSError) as error:
            raise Missing(f"npm could not install {WRITE_GOOD}") from error
    return folder


def probes(rules: RuleSet) -> list[str]:
    """The patterns of which one occurs wherever a rule finds something, each once; those of exceptions left out."""
    return sorted({probe for rule in rules.rules for opener in rule.look.openers for probe in opener.expressions})


def one_by_one(patterns: Sequence[str]) -> Callable[[str], int]:
    """The same patterns with `re`: how many places of the lower-cased text match."""
    # `re` spells code points differently.
    spelled = (re.sub(r"\\x\{([0-9a-f]+)\}", lambda found: chr(int(found[1], 16)), pattern) for pattern in patterns)
    compiled = [re.compile(pattern) for pattern in spelled]

    def count(text: str) -> int:
        plain = text.lower()
        return sum(1 for pattern in compiled for _ in pattern.finditer(plain))

    return count


def as_set(patterns: Sequence[str]) -> Callable[[str], bool]:
    """The same patterns as one automaton that answers only whether any of them matches. Raises Missing."""
    options = re2.Options()
    options.never_capture = True
    options.log_errors = False
    options.max_mem = MOST_MEMORY
    made = re2.Set.SearchSet(options)
    try:
        for pattern in patterns:
            made.Add(pattern)
        made.Compile()
    except re2.error as error:
        raise Missing(f"RE2 refuses the set: {error}") from error
    return lambda text: bool(made.Match(text.lower()))
