"""Full tiles and entry bundles as files (C2SP tlog-tiles): written once, never changed, never trusted alone."""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from approval.settings import Settings, sync_names
from approval.tlog import TILE_WIDTH, Tile, tile_path


@dataclass(frozen=True)
class TileFiles:
    """A folder with the full tiles of each log, in the layout in which they are served."""

    folder: Path

    @classmethod
    def of(cls, settings: Settings) -> TileFiles:
        """Return the files of this installation; a machine that shares no data folder has none."""
        return cls(settings.data / "tiles")

    def path(self, log: str, tile: Tile) -> Path:
        """Return where the tile stands."""
        return self.folder / log / tile_path(tile)

    def read(self, log: str, tile: Tile) -> bytes | None:
        """Return the tile; None where it is not full, not written yet, or cannot be read: ask the database then."""
        if tile.width != TILE_WIDTH:
            return None
        try:
            return self.path(log, tile).read_bytes()
        except OSError:
            return None

    def has(self, log: str, tile: Tile) -> bool:
        """Say whether the tile was written."""
        return self.path(log, tile).exists()

    def write(self, log: str, tile: Tile, data: bytes) -> None:
        """Write a full tile, whole and durably; what stands there is left as it is."""
        path = self.path(log, tile)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        try:
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640), "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            # A link, unlike a renaming, never takes the place of what stands there.
            with contextlib.suppress(FileExistsError):
                os.link(draft, path)
        finally:
            draft.unlink(missing_ok=True)
        sync_names(path.parent)
