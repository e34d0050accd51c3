"""A motion as a file: .bvh, .npz, .html, .mp4 (.webm, .gif)."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.pipeline.files import write_atomic
from interleaf.values import Motion
from interleaf_trumans import drawing
from interleaf_trumans.scenes.scene import Scene

VIDEOS = (".mp4", ".webm", ".gif")
SUFFIXES = (".html", ".bvh", ".npz", *VIDEOS)


def check_out(out: Path) -> None:
    """InvalidInput where a file of this name could not be written, before the work begins."""
    if out.suffix.lower() not in SUFFIXES:
        raise InvalidInput(f"{out}: no format has this suffix", hint=", ".join(SUFFIXES))
    if not out.parent.is_dir():
        raise InvalidInput(f"{out.parent}: no such folder", hint="make it first")


def write_motion(out: Path, scene: Scene, motion: Motion, *, body: str = "auto", cut: float = 1.4,
                 seams: tuple[int, ...] = ()) -> None:  # fmt: skip
    """Write a motion in the format of the suffix, whole or not at all."""
    kind = out.suffix.lower()
    if kind == ".html":
        write_atomic(
            out, drawing.page_of(scene, motion, body=body, cut=cut, title=out.stem).encode()
        )
    elif kind == ".bvh":
        from interleaf_body.bvh_writing import format_bvh

        write_atomic(out, format_bvh(motion).encode())
    elif kind == ".npz":
        write_atomic(out, motion_bytes(motion, seams))
    else:
        from interleaf_media.saving import save

        frames = drawing.video_frames(scene, motion, body=body, cut=cut)
        save(out, frames, Fraction(motion.fps).limit_denominator(1001))


def motion_bytes(motion: Motion, seams: tuple[int, ...] = ()) -> bytes:
    """The arrays of a motion, its joints' places [T, J, 3] and the frames where a new piece begins."""
    from interleaf_body.skeleton import world

    held = io.BytesIO()
    np.savez_compressed(
        held, root=motion.root, rotations=motion.rotations.astype(np.float32), joints=np.array(motion.joints),
        parents=np.array(motion.parents), offsets=motion.offsets, fps=motion.fps,
        places=world(motion)[1].astype(np.float32), seams=np.array(seams, int),
    )  # fmt: skip
    return held.getvalue()
