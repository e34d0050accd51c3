"""The authors' release as datasets: windows to train on, recordings to look at and to walk with."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset
from interleaf.values import Motion
from interleaf_trumans.config import RecordingsConfig, ReleaseConfig
from interleaf_trumans.refusing import refused
from interleaf_trumans.release.files import Folder, Span
from interleaf_trumans.release.objects import Objects
from interleaf_trumans.release.recordings import (
    Window,
    clean_spans,
    motion_of_span,
    starts,
    window_at,
)
from interleaf_trumans.scenes.surface import Array

CHUNK = 1 << 22


def digest_of(folder: Path, names: tuple[str, ...], settings: object) -> str:
    """BLAKE2b of settings and of the bytes of files, read a piece at a time."""
    digest = hashlib.blake2b(repr(settings).encode(), digest_size=16)
    for name in names:
        file = folder / f"{name}.npy"
        digest.update(name.encode() + bytes([file.is_file()]))
        if file.is_file():
            with file.open("rb") as held:
                while piece := held.read(CHUNK):
                    digest.update(piece)
    return digest.hexdigest()


class Release(Dataset):
    """Windows of the release: joints, actions, scene, objects."""

    Config = ReleaseConfig
    FILES = ("human_joints", "human_orient", "action_label", "scene_flag", "scene_list", "object_flag",
             "object_mat", "seg_name", "frame_id", "bad_frames", "idx_start")  # fmt: skip

    @cached_property
    def folder(self) -> Folder:
        """The files."""
        with refused():
            return Folder(Path(self.config.root))

    @cached_property
    def objects(self) -> Objects:
        """The points of what stands about."""
        return Objects(self.folder)

    @cached_property
    def rows(self) -> Array:
        """The first row of each window."""
        c: ReleaseConfig = self.config
        with refused():
            found = starts(self.folder, c.window, c.stride, c.every)
            flags = np.asarray(self.folder.rows("scene_flag")[found])
            kept = [
                k for k, name in enumerate(self.folder.scenes)
                if (not c.scenes or name in c.scenes) and name not in c.without
            ]  # fmt: skip
        found = found[np.isin(flags, kept)]
        if not len(found):
            raise InvalidInput(
                f"{c.root}: no window of {c.window} frames is left",
                hint=f"scenes are {', '.join(self.folder.scenes[:4])}",
            )
        return found

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Window:
        c: ReleaseConfig = self.config
        row = int(self.rows[index])
        with refused():
            points = self.objects.points(row) if c.objects else np.zeros((0, 3))
            return window_at(self.folder, row, c.window, c.stride, points)

    def __iter__(self) -> Iterator[Window]:
        return (self[i] for i in range(len(self)))

    def ids(self) -> Iterator[str]:
        """Recording and frame."""
        names, frames = self.folder.rows("seg_name"), self.folder.rows("frame_id")
        return (f"{names[r]}:{frames[r]}" for r in self.rows)

    def fingerprint(self) -> str:
        """BLAKE2b of the settings and of every file that is read, the objects' points too."""
        c: ReleaseConfig = self.config
        told = (c.window, c.stride, c.every, c.objects, c.scenes, c.without)
        digest = hashlib.blake2b(digest_of(Path(c.root), self.FILES, told).encode(), digest_size=16)
        texts = sorted((self.folder.root / "Actions").glob("*.txt"))
        for file in [*(self.objects.files if c.objects else []), *texts]:
            digest.update(file.name.encode() + b"\0" + file.read_bytes())
        return digest.hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_trumans.release.sample import sample_release

        root = str(sample_release())
        return {
            "configs": [ReleaseConfig(root=root, window=8), ReleaseConfig(root=root, objects=False)]
        }


class Recordings(Dataset):
    """Recordings of the release, without their bad frames, as motions."""

    Config = RecordingsConfig
    FILES = ("human_joints", "human_orient", "human_pose", "seg_name", "frame_id", "bad_frames")

    @cached_property
    def folder(self) -> Folder:
        """The files."""
        with refused():
            return Folder(Path(self.config.root))

    @cached_property
    def spans(self) -> list[Span]:
        """The runs of rows."""
        c: RecordingsConfig = self.config
        with refused():
            found = clean_spans(self.folder, c.least)
            if c.scenes:
                found = [s for s in found if self.folder.scene(s.first) in c.scenes]
        if not found:
            raise InvalidInput(
                f"{c.root}: no recording is left", hint="other scenes, a smaller 'least'"
            )
        return found

    def __len__(self) -> int:
        return len(self.spans)

    def __getitem__(self, index: int) -> Motion:
        with refused():
            return motion_of_span(self.folder, self.spans[index])

    def __iter__(self) -> Iterator[Motion]:
        return (self[i] for i in range(len(self)))

    def ids(self) -> Iterator[str]:
        """The recording and its first frame."""
        frames = self.folder.rows("frame_id")
        return (f"{s.name}:{frames[s.first]}" for s in self.spans)

    def fingerprint(self) -> str:
        """BLAKE2b of the settings and of every file that is read."""
        c: RecordingsConfig = self.config
        files = (*self.FILES, "scene_flag", "scene_list") if c.scenes else self.FILES
        return digest_of(Path(c.root), files, (c.least, c.scenes))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_trumans.release.sample import sample_release

        return {"configs": [RecordingsConfig(root=str(sample_release()), least=20)]}
