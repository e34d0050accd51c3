"""`body.motion`: motion files as a Dataset, and `body.bvh`, which writes them."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset, Renderer
from interleaf.values import Artifact, Motion
from interleaf_body.bvh_writing import format_bvh
from interleaf_body.config import BvhConfig, MotionConfig
from interleaf_body.files import SUFFIXES, read_motion
from interleaf_body.samples import sample_motion
from interleaf_body.skeleton import resample

PARTS = ("train", "valid", "test")


class Motions(Dataset):
    """Motion files; each item is one clip, its id the file's path without suffix."""

    Config = MotionConfig

    def __init__(self, config: MotionConfig, part: str = "") -> None:
        super().__init__(config)
        self.part = part

    @cached_property
    def rows(self) -> Mapping[str, Mapping[str, str]]:
        """What is known of each clip (``path`` and the manifest's columns), by id."""
        root = Path(self.config.root)
        if not root.exists():
            raise InvalidInput(f"{root}: no such file or folder", hint="a motion file, or a folder")
        rows = self._manifest(root) if self.config.manifest else _found(root)
        rows = [
            r for r in rows if all(_matches(r, w, self.config.manifest) for w in self.config.where)
        ]
        if not rows:
            kept = f" with {', '.join(self.config.where)}" if self.config.where else ""
            raise InvalidInput(
                f"{root}: no motion files{kept}",
                hint=f"expected {', '.join(SUFFIXES)}; 'where' keeps rows of the manifest",
            )
        chosen = {r["id"]: r for r in rows if self.part in ("", self._part(r))}
        return dict(sorted(chosen.items()))

    def _manifest(self, root: Path) -> list[dict[str, str]]:
        file = root / self.config.manifest
        try:
            with file.open(newline="", encoding="utf-8-sig") as lines:
                rows = list(csv.DictReader(lines))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise InvalidInput(f"{file}: cannot be read ({error})", hint="a CSV file") from None
        if not rows or "file" not in rows[0]:
            raise InvalidInput(f"{file}: no rows with a column 'file'", hint="one clip a row")
        for number, row in enumerate(rows, 2):
            path = root / (row["file"] or "")
            if not path.is_file():
                raise InvalidInput(
                    f"{file}:{number}: no file {path}", hint="paths relative to the root"
                )
            row.update(id=Path(row["file"]).with_suffix("").as_posix(), path=str(path))
        return rows

    def _part(self, row: Mapping[str, str]) -> str:
        """The part that the owner's name falls into: the same on every machine, whatever else is there."""
        owner = row.get(self.config.by) or row["id"]
        word = hashlib.blake2b(owner.encode(), digest_size=8).digest()
        share = int.from_bytes(word, "big") / 2**64
        c = self.config
        return "test" if share < c.test else "valid" if share < c.test + c.valid else "train"

    def split(self, name: str) -> Self:
        """``train``, ``valid`` or ``test``; no actor (column ``by``) stands in two."""
        if name not in PARTS:
            raise InvalidInput(f"no part '{name}'", hint=f"one of {', '.join(PARTS)}")
        return type(self)(self.config, name)

    def _read(self, row: Mapping[str, str]) -> Motion:
        motion = read_motion(Path(row["path"]), unit=self.config.unit, ends=self.config.ends)
        return resample(motion, self.config.fps) if self.config.fps else motion

    def __iter__(self) -> Iterator[Motion]:
        return (self._read(row) for row in self.rows.values())

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Motion:
        return self._read(list(self.rows.values())[index])

    def ids(self) -> Iterator[str]:
        """Paths relative to the root, without suffix."""
        return iter(self.rows)

    def fingerprint(self) -> str:
        """BLAKE2b of ids, settings and the files' bytes (with the skeletons beside AMC files)."""
        c = self.config
        digest = hashlib.blake2b(f"{c.unit} {c.fps} {c.ends}".encode(), digest_size=16)
        for name, row in self.rows.items():
            path = Path(row["path"])
            beside = sorted(path.parent.glob("*.asf")) if path.suffix.lower() == ".amc" else []
            for file in (path, *beside):
                content = hashlib.blake2b(file.read_bytes(), digest_size=16).digest()
                digest.update(name.encode() + b"\0" + content)
        return digest.hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        folder = Path(__file__).parent / "clips"
        first = MotionConfig(root=str(folder / "wave.bvh"))
        whole = MotionConfig(root=str(folder), manifest="manifest.csv", valid=0.3, test=0.3)
        return {"configs": [first, whole, replace(first, fps=12.0)], "splits": list(PARTS)}


def _found(root: Path) -> list[dict[str, str]]:
    if root.is_file():
        return [{"id": root.stem, "path": str(root)}]
    files = sorted(f for f in root.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
    names = [f.relative_to(root).with_suffix("").as_posix() for f in files]
    twice = {n for n in names if names.count(n) > 1}
    return [
        {"id": f.relative_to(root).as_posix() if n in twice else n, "path": str(f)}
        for f, n in zip(files, names, strict=True)
    ]


def _matches(row: Mapping[str, str], condition: str, manifest: str) -> bool:
    column, equals, value = condition.partition("=")
    if not equals or column not in row:
        known = (
            ", ".join(k for k in row if k not in ("id", "path")) if manifest else "give a manifest"
        )
        raise InvalidInput(f"'{condition}' is no condition", hint=f"column=value; columns: {known}")
    return row[column] == value


class Bvh(Renderer):
    """A motion as a BVH file."""

    Config = BvhConfig
    media_type = "application/x-bvh"

    def render(self, motion: Motion) -> Artifact:
        """``motion`` as BVH text: exact to a micrometre and a millionth of a degree."""
        text = format_bvh(motion, unit=self.config.unit, order=self.config.order)
        return Artifact(text.encode(), self.media_type)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        still = replace(sample_motion(1), rotations=np.eye(4)[:1].repeat(22, 0)[None])
        calls = [{"motion": sample_motion(5)}, {"motion": still}]
        return {
            "configs": [BvhConfig(), BvhConfig(unit="cm", order="YXZ")],
            "calls": {"render": calls},
        }
