"""Run every benchmark beside its peer and print what they say.

Usage: python benchmarks/run.py [--full]. The short form takes less than 20 minutes; `--full` takes the sizes that the
README's figures name.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
SHORT = (
    ("accuracy.py", ()),
    ("rules.py", ()),
    ("batch.py", ()),
    ("composer.py", ()),
    ("starting.py", ()),
    ("walk.py", ()),
    ("pages.py", ("--posts", "1000")),
    ("appends.py", ()),
    ("logs.py", ()),
    ("exporting.py", ()),
    ("trials.py", ()),
)
FULL = (
    ("accuracy.py", ()),
    ("rules.py", ("--posts", "20000")),
    ("batch.py", ("--posts", "100000", "--publications", "100000")),
    ("composer.py", ("--answers", "1000")),
    ("starting.py", ()),
    ("walk.py", ()),
    ("pages.py", ("--posts", "10000")),
    ("appends.py", ("--appends", "40000", "--writers", "1,4,8,16")),
    ("logs.py", ("--entries", "1000000", "--leaves", "10000000")),
    ("exporting.py", ("--entries", "1000000")),
    ("trials.py", ("--races", "1000", "--kills", "50", "--posts", "500")),
)


def main() -> int:
    """Run the scripts in order; return 1 where one failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true")
    failed = False
    for script, options in FULL if parser.parse_args().full else SHORT:
        begin = time.monotonic()
        print(f"== {script} {' '.join(options)}", flush=True)
        done = subprocess.run([sys.executable, str(HERE / script), *options])
        print(f"   {time.monotonic() - begin:.0f} s", flush=True)
        failed = failed or done.returncode != 0
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
