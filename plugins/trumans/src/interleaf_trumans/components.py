"""Scenes, timelines, motion matching and the viewer as components."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Dataset, Model, ModelHandle, Renderer, Schedule
from interleaf.interfaces.schedule import Domain
from interleaf.pipeline.collection import Collection
from interleaf.values import Artifact, Motion
from interleaf_trumans import drawing
from interleaf_trumans.config import (
    ClipsConfig,
    MatchingConfig,
    RoomsConfig,
    ScenesConfig,
    TimelineConfig,
    ViewerConfig,
    WalksConfig,
)
from interleaf_trumans.judging.walk import Walk
from interleaf_trumans.refusing import refused
from interleaf_trumans.scenes.rooms import boxes_on, room
from interleaf_trumans.scenes.scene import Scene, read_scene, scene_of
from interleaf_trumans.scenes.surface import SUFFIXES, Array
from interleaf_trumans.scenes.thing_arrays import arrays_of
from interleaf_trumans.scenes.thing_files import read_things
from interleaf_trumans.walking.cleaning import whole
from interleaf_trumans.walking.clips import JOINTS, PARENTS, Clip, read_clips
from interleaf_trumans.walking.gait import made_clips
from interleaf_trumans.walking.matcher import Matcher
from interleaf_trumans.walking.pairs import walks as walks_of
from interleaf_trumans.walking.playing import play
from interleaf_trumans.walking.session import Session
from interleaf_trumans.walking.timeline import Timeline, read_timeline

FOLDER = Path(__file__).parent


class Scenes(Dataset):
    """Meshes as scenes; a scene's name is its path below the folder."""

    Config = ScenesConfig

    @cached_property
    def files(self) -> dict[str, Path]:
        """The files by their names relative to the root."""
        root = Path(self.config.root)
        if root.is_file():
            return {root.stem: root}
        found = sorted(f for f in root.rglob("*") if f.suffix.lower() in SUFFIXES and f.is_file())
        named = {f.relative_to(root).as_posix(): f for f in found}
        kept = {k: f for k, f in named.items() if fnmatch(k, self.config.match or "*")}
        if not kept:
            raise InvalidInput(
                f"{root}: no scenes" + (f" fit '{self.config.match}'" if named else ""),
                hint=f"there are {', '.join([*named][:3])}" if named
                else f"a file or folder of {', '.join(SUFFIXES)}",
            )  # fmt: skip
        return kept

    def _read(self, name: str) -> Scene:
        c: ScenesConfig = self.config
        with refused():
            scene = read_scene(self.files[name], up=c.up, scale=c.scale, voxel=c.voxel)
            things = read_things(Path(c.things)) if c.things else scene.things
        return replace(scene, name=name, things=things)

    def __iter__(self) -> Iterator[Scene]:
        return (self._read(name) for name in self.files)

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> Scene:
        return self._read(list(self.files)[index])

    def ids(self) -> Iterator[str]:
        """Names relative to the root."""
        return iter(self.files)

    def fingerprint(self) -> str:
        """BLAKE2b of settings, names and bytes."""
        c: ScenesConfig = self.config
        digest = hashlib.blake2b(f"{c.up} {c.scale} {c.voxel}".encode(), digest_size=16)
        if c.things:
            with refused():
                told = arrays_of(read_things(Path(c.things)))
            digest.update(b"".join(k.encode() + v.tobytes() for k, v in told.items()))
        for name, file in self.files.items():
            digest.update(
                name.encode() + b"\0" + hashlib.blake2b(file.read_bytes(), digest_size=16).digest()
            )
        return digest.hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        file = str(FOLDER / "samples" / "hall.obj")
        return {
            "configs": [
                ScenesConfig(root=file, voxel=0.1),
                ScenesConfig(root=file, voxel=0.2, up="y"),
            ]
        }


class Rooms(Dataset):
    """Rooms made up from seeds."""

    Config = RoomsConfig

    def __iter__(self) -> Iterator[Scene]:
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        return int(self.config.count)

    def __getitem__(self, index: int) -> Scene:
        c: RoomsConfig = self.config
        if not -c.count <= index < c.count:
            raise IndexError(index)
        seed = c.first + index % c.count
        if c.boxes:
            return scene_of(boxes_on(seed, c.boxes), name=f"boxes{seed}", voxel=c.voxel)[0]
        return scene_of(room(seed, furniture=c.furniture)[0], name=f"room{seed}", voxel=c.voxel)[0]

    def ids(self) -> Iterator[str]:
        """The rooms' names."""
        kind = "boxes" if self.config.boxes else "room"
        return (f"{kind}{self.config.first + i}" for i in range(len(self)))

    def fingerprint(self) -> str:
        """Of the settings, which make the rooms."""
        return hashlib.blake2b(repr(self.config).encode(), digest_size=16).hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {
            "configs": [
                RoomsConfig(count=2, voxel=0.1),
                RoomsConfig(count=1, first=5, furniture=0, voxel=0.2),
                RoomsConfig(count=1, boxes=2, voxel=0.2),
            ]
        }


class ActionTimeline(Schedule):
    """What is done when: for each action 1 in its frames, ``progress`` from 0 to 1, ``entry`` from 1
    (0: none)."""

    Config = TimelineConfig

    @cached_property
    def timeline(self) -> Timeline:
        """The timeline in the file."""
        with refused():
            return read_timeline(Path(self.config.file)) if self.config.file else Timeline()

    @property
    def domain(self) -> Domain:
        """Endless, in frames at 30 a second: after the last action a body stands."""
        return Domain(0, None, "frame")

    def values(self, xs: Array) -> Mapping[str, Array]:
        """The table at frames."""
        found = self.timeline.table(xs)
        return {**found, "entry": found["entry"] + 1}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {
            "configs": [
                TimelineConfig(),
                TimelineConfig(file=str(FOLDER / "samples" / "walk.yaml")),
            ]
        }


def generated(
    scene: Scene, walker: Any, timeline: Schedule, radius: float, nearest: bool, ctx: Context
) -> Motion:
    """A timeline walked in a scene."""
    if not isinstance(timeline, ActionTimeline):
        raise InvalidInput(
            "the timeline is no trumans.timeline", hint="use: trumans.timeline, with: {file: …}"
        )
    plan = timeline.timeline
    yaw = None if plan.facing is None else float(np.radians(plan.facing))
    with refused():
        session = Session(scene, walker, start=plan.start, yaw=yaw, seed=ctx.seed % 2**63, radius=radius,
                          nearest=nearest)  # fmt: skip
        play(session, plan, ctx.monitor.progress)
        return session.motion if session.frame else session.step(1)


def motion_of(clip: Clip) -> Motion:
    """A clip as a core Motion."""
    return Motion(clip.root, clip.turns, JOINTS, PARENTS, clip.offsets, 30.0)


class Matching(Model):
    """Walks with the clips of a folder."""

    Config = MatchingConfig

    @cached_property
    def clips(self) -> list[Clip]:
        """The clips, or the walk made by rule."""
        c: MatchingConfig = self.config
        with refused():
            if not c.motion:
                return made_clips()
            found = read_clips(
                Path(c.motion), without=c.without, only=c.only, source=c.source, actions=c.actions,
                actors=c.actors,
            )  # fmt: skip
        return found if c.broken else whole(found)[0]

    @cached_property
    def walker(self) -> Matcher:
        """What walks."""
        with refused():
            return Matcher(self.clips, variety=self.config.variety)

    def generate(
        self, scene: Scene, timeline: Schedule, radius: float = 0.32, nearest: bool = False,
        ctx: Context | None = None,
    ) -> Motion:  # fmt: skip
        """The motion of a timeline in a scene, 30 frames a second."""
        return generated(scene, self.walker, timeline, radius, nearest, ctx or Context())

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_trumans.examples import example_scene

        timeline = ActionTimeline(TimelineConfig(file=str(FOLDER / "samples" / "walk.yaml")))
        call = {"scene": example_scene(), "timeline": timeline}
        return {
            "configs": [MatchingConfig(), MatchingConfig(variety=0.5)],
            "calls": {"generate": [call]},
        }


class Walks(Model):
    """Walks between places of scenes, to be judged."""

    Config = WalksConfig

    def apply(self, walker: ModelHandle, scenes: Dataset, ctx: Context | None = None) -> Dataset:
        """One walk for each pair of start and goal, drawn from the configuration's seed alone: every walker
        gets the same pairs."""
        c: WalksConfig = self.config
        ctx = ctx or Context()
        live = walker.load(ctx)
        if not hasattr(live, "walker"):
            raise InvalidInput(
                f"{walker.component} is no walker", hint="trumans.matching or trumans.motion"
            )
        with refused():
            made: list[Walk] = walks_of(
                list(scenes), live.walker, pairs=c.pairs, apart=c.apart, blocked=c.blocked, radius=c.radius,
                seconds=c.seconds, seed=c.seed, seen=c.seen,
                planned=c.planned, progress=ctx.monitor.progress,
            )  # fmt: skip
        return Collection.of({f"walk{i}": w for i, w in enumerate(made)})

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_trumans.examples import example_scene

        handle = ModelHandle("trumans.matching", {}, None, "by rule")
        call = {"walker": handle, "scenes": Collection.of([example_scene()])}
        config = WalksConfig(pairs=1, apart=(1.5, 5.0), seconds=4.0)
        return {"configs": [config], "calls": {"apply": [call]}}


class Clips(Dataset):
    """The clips of a folder on the skeleton that walks, as motions."""

    Config = ClipsConfig

    @cached_property
    def clips(self) -> dict[str, Motion]:
        """The motions by their clips' names."""
        c: ClipsConfig = self.config
        with refused():
            if not c.motion:
                return {k.name: motion_of(k) for k in made_clips()}
            found = read_clips(
                Path(c.motion), without=c.without, only=c.only, source=c.source, actions=c.actions
            )
        return {k.name: motion_of(k) for k in found}

    def __iter__(self) -> Iterator[Motion]:
        return iter(self.clips.values())

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Motion:
        return list(self.clips.values())[index]

    def ids(self) -> Iterator[str]:
        """The clips' names."""
        return iter(self.clips)

    def fingerprint(self) -> str:
        """BLAKE2b of the motions."""
        digest = hashlib.blake2b(digest_size=16)
        for name, m in self.clips.items():
            digest.update(name.encode() + m.root.tobytes() + m.rotations.tobytes())
        return digest.hexdigest()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [ClipsConfig()]}


class SceneViewer(Renderer):
    """A body in a scene as a page."""

    Config = ViewerConfig
    media_type = "text/html"

    def render(self, scene: Scene, motion: Motion) -> Artifact:
        """One file that needs no network."""
        c: ViewerConfig = self.config
        text = drawing.page_of(scene, motion, body=c.body, cut=c.cut, title=c.title)
        return Artifact(text.encode(), self.media_type)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_trumans.examples import example_motion, example_scene

        call = {"scene": example_scene(), "motion": example_motion(8)}
        return {
            "configs": [
                ViewerConfig(body="capsule"),
                ViewerConfig(body="capsule", cut=0.0, title="<b>x</b>"),
            ],
            "calls": {"render": [call]},
        }
