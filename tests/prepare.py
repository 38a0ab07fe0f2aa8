"""Name what the suite needs and this machine lacks, with the command that mends it, before any test runs.

Without the program that reads words in images some tests are skipped, and say so: it is installed where that is easy.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Find a browser, or install Debian's as root; return an exit code."""
    if not shutil.which("tesseract") and not _installed("tesseract-ocr"):
        print("No tesseract was found: the tests that read real images are skipped. `apt-get install tesseract-ocr`.")
    if os.environ.get("APPROVAL_CHROMIUM") or any(map(shutil.which, BROWSERS)) or _installed("chromium"):
        return 0
    print("No browser was found. Run `apt-get install chromium` as root, or name one in APPROVAL_CHROMIUM.")
    return 2


def _installed(package: str) -> bool:
    """Install a package where this is root on Debian; say whether it is there now."""
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    print(f"installing {package} for the tests (once)")
    subprocess.run(["apt-get", "update", "-qq"], check=False)
    done = subprocess.run(["apt-get", "install", "-y", "-qq", package], stdout=subprocess.DEVNULL)
    return done.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
