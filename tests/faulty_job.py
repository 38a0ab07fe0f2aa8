"""Append, seal and write a tile while the n-th call of one kind fails, for one n after the other.

Run under `strace -f -e inject=CALL:…:when=N`, which counts in each process by itself: a child first makes so many
calls of no consequence that the fault meets its n-th own one. Prints `n acts` with the acts that the child was told had
succeeded, or `n beyond` where its work makes fewer such calls.
Usage: faulty_job.py TEMPLATE FOLDER CALL FIRST LAST STEP [careless]
"""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from ticking import Grown, sealed

from approval import db
from approval.audit.models.keys import Keys
from approval.audit.models.tiles import TileFiles
from approval.audit.services import record
from approval.audit.services.tiling import lay_tiles
from approval.db import reading, transaction

OFTEN = {"openat": 10_000, "pwrite64": 3_000, "write": 3_000}
"""More calls of a kind than this process makes itself, or its work; of the others a few hundred are."""
ACTS, TOGETHER = 3, 2
_BEYOND = ACTS + 1


def when(call: str) -> int:
    """Return at which call of this kind in a process the fault is to come."""
    return OFTEN.get(call, 300)


def work(folder: Path, told: mmap.mmap, *, careless: bool) -> None:
    """Three acts of two entries, a checkpoint, the tile that they fill; each is tried where the one before failed."""
    db.connect(f"sqlite:///{folder / 'approval.db'}")
    for act in range(ACTS):
        with contextlib.suppress(Exception):
            with transaction() as session:
                for number in range(TOGETHER):
                    record(session, Grown(by="fault", workspace="northwind", number=act * TOGETHER + number))
                if careless:
                    told[act] = 1
            told[act] = 1
    with contextlib.suppress(Exception):
        sealed(Keys(folder / "keys"))
    with contextlib.suppress(Exception), reading() as session:
        lay_tiles(session, "northwind", TileFiles(folder / "tiles"))


def burn(call: str, times: int, spare: str) -> None:
    """Make so many calls that change nothing that counts."""
    file = os.open(spare, os.O_RDWR | os.O_CREAT)
    calls = {
        "fsync": lambda: os.fsync(file),
        "fdatasync": lambda: os.fdatasync(file),
        "pwrite64": lambda: os.pwrite(file, b"x", 0),
        "write": lambda: os.write(file, b"x"),
        "openat": lambda: os.open(spare, os.O_RDONLY),
        "rename": lambda: os.rename(spare, spare),
        "link": lambda: os.link(spare, spare),
        "unlink": lambda: os.unlink(f"{spare}-absent"),
        "mkdir": lambda: os.mkdir(os.path.dirname(spare)),
    }
    for _ in range(times):
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            made = calls[call]()
            if call == "openat":
                os.close(made)


def child(folder: Path, call: str, number: int, told: mmap.mmap, *, careless: bool) -> None:
    """Work, and find out whether the fault came."""
    spare = str(folder / "spare")
    # `burn` opens a file itself.
    burn(call, when(call) - number - (call == "openat"), spare)
    work(folder, told, careless=careless)
    told[ACTS] = 1
    try:
        burn(call, number + 1, spare)
    except OSError:
        told[_BEYOND] = 1


def main() -> None:
    """One child for each n."""
    template, target, call, *numbers = sys.argv[1:7]
    first, last, step = map(int, numbers)
    for number in range(first, min(last, when(call) - 1) + 1, step):
        folder = Path(target) / str(number)
        shutil.copytree(template, folder)
        told = mmap.mmap(-1, ACTS + 2)
        pid = os.fork()
        if pid == 0:
            with contextlib.suppress(BaseException):
                child(folder, call, number, told, careless="careless" in sys.argv)
            os._exit(0)
        _, status = os.waitpid(pid, 0)
        beyond = told[_BEYOND] or (told[ACTS] and os.WIFSIGNALED(status))
        print(number, "beyond" if beyond else [act for act in range(ACTS) if told[act]], flush=True)
        if beyond:
            return


if __name__ == "__main__":
    main()
