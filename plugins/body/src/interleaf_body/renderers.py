"""`body.pose`, `body.retarget`, `body.maps`, `body.mesh_video`, `body.viewer`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, cast

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Model, Renderer
from interleaf.values import Artifact, Frames, Mesh, Motion
from interleaf_body import picturing
from interleaf_body.config import (
    BodyConfig,
    MapsConfig,
    MeshVideoConfig,
    RetargetConfig,
    ViewerConfig,
)
from interleaf_body.identity import baked, expressions, placed
from interleaf_body.quaternions import Array
from interleaf_body.retarget import onto
from interleaf_body.samples import sample_motion
from interleaf_body.values import Face, Posed
from interleaf_body.viewing import page

SMALL: Mapping[str, Any] = {"width": 40, "height": 32}


def rate(fps: float) -> Fraction:
    """Frames per second as an exact fraction."""
    return Fraction(fps).limit_denominator(1001)


def gathered(frames: Iterable[Array], count: int, fps: float, ctx: Context | None) -> Frames:
    """Frames as they come, with progress."""
    kept = []
    for done, frame in enumerate(frames, 1):
        kept.append(frame)
        if ctx:
            ctx.monitor.progress(done, count)
    return Frames(np.stack(kept), rate(fps))


def _face() -> Face:
    return Face(np.linspace(0, 1, 3, dtype=np.float32)[:, None], ("jawOpen",))


def _calls(**more: Any) -> list[dict[str, Any]]:
    return [{"motion": sample_motion(3), **more}, {"motion": sample_motion(1)}]


class Pose(Model):
    """A motion as a body's vertices."""

    Config = BodyConfig

    def apply(self, motion: Motion, face: Face | None = None, ctx: Context | None = None) -> Posed:
        """The body in every frame; motions on other skeletons are retargeted."""
        body, on = placed(self.config, motion)
        expr = expressions(body, face, len(on.root))
        out = body.posed(on, expr, threads=max(ctx.threads if ctx else 1, 1))
        return Posed(out.vertices, out.joints, body.topology.faces, on.fps)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [BodyConfig(), BodyConfig(shape=("height=0.8", "weight=0.2"))]
        return {"configs": configs, "calls": {"apply": _calls(face=_face())}}


class Retarget(Model):
    """A motion on a body's skeleton."""

    Config = RetargetConfig

    def apply(self, motion: Motion) -> Motion:
        """``motion`` with the body's joints and proportions."""
        c = self.config
        return onto(motion, baked(c), scale_path=c.scale_path, contacts=c.contacts)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [RetargetConfig(), RetargetConfig(scale_path=False, shape=("proportions=0.9",))]
        return {"configs": configs, "calls": {"apply": _calls()}}


class Maps(Renderer):
    """A map of a moving body: normals, parts, texture coordinates, depth, rest positions."""

    Config = MapsConfig

    def render(
        self, motion: Motion, face: Face | None = None, ctx: Context | None = None
    ) -> Frames:
        """Frames of float32 colours in 0..1."""
        c: MapsConfig = self.config
        if not c.near < c.far:
            raise InvalidInput(f"near = {c.near} is not nearer than far = {c.far}")
        body, on = placed(c, motion)
        expr, threads = expressions(body, face, len(on.root)), max(ctx.threads if ctx else 1, 1)
        frames = picturing.map_frames(on, body, c, c.map, expr, threads, (c.near, c.far))
        return gathered(frames, len(on.root), on.fps, ctx)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        kinds = ("normals", "part", "uv", "depth", "template")
        configs = [MapsConfig(map=cast(Any, m), **SMALL) for m in kinds]
        return {"configs": configs, "calls": {"render": _calls(face=_face())}}


class MeshVideo(Renderer):
    """A moving body as pictures."""

    Config = MeshVideoConfig

    def render(
        self, motion: Motion, face: Face | None = None, ctx: Context | None = None
    ) -> Frames:
        """Frames of 8-bit RGB; ``media.video`` makes a file of them."""
        c: MeshVideoConfig = self.config
        body, on = placed(c, motion)
        expr, threads = expressions(body, face, len(on.root)), max(ctx.threads if ctx else 1, 1)
        if c.style == "skeleton":
            frames = picturing.skeleton_frames(on, body, c)
        else:
            frames = picturing.shaded_frames(on, body, c, expr, threads)
        return gathered(frames, len(on.root), on.fps, ctx)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [MeshVideoConfig(**SMALL), MeshVideoConfig(style="skeleton", **SMALL)]
        return {"configs": configs, "calls": {"render": _calls(face=_face())}}


class Viewer(Renderer):
    """A moving body as a page to turn and scrub, in one file."""

    Config = ViewerConfig
    media_type = "text/html"

    def render(
        self, motion: Motion, face: Face | None = None, scene: Mesh | None = None
    ) -> Artifact:
        """The page; ``scene`` is drawn around the body as it is."""
        body, on = placed(self.config, motion)
        expr = expressions(body, face, len(on.root))
        text = page(body, body.posed(on), on.fps, title=self.config.title, expr=expr, scene=scene)
        return Artifact(text.encode(), self.media_type)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        floor = np.array([[-1, 0, -1], [1, 0, -1], [1, 0, 1], [-1, 0, 1]], np.float32)
        scene = Mesh(floor, np.array([[0, 2, 1], [0, 3, 2]], np.int32))
        calls = _calls(face=_face(), scene=scene)
        return {"configs": [ViewerConfig()], "calls": {"render": calls}}
