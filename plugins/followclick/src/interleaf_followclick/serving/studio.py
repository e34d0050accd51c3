"""What the page works on: pictures, masks and jobs, each kept while it is among the last few."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Generic, TypeVar
from uuid import uuid4

import numpy as np

from interleaf.errors import InterleafError, InvalidInput
from interleaf_followclick.canonical import Mask
from interleaf_followclick.components import FlowWarp, Segment
from interleaf_followclick.flowwarp import Region
from interleaf_followclick.reading import pairs, photo_of
from interleaf_followclick.rendering import Pixels
from interleaf_media.reading import decode_image
from interleaf_media.saving import encode

T = TypeVar("T")
KEPT = 32
WAITING = 8


class Shelf(Generic[T]):
    """The last KEPT values by a name that cannot be guessed."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, value: T) -> str:
        """The name of a new value."""
        name = uuid4().hex
        with self._lock:
            self._values[name] = value
            while len(self._values) > KEPT:
                self._values.popitem(last=False)
        return name

    def __getitem__(self, name: str) -> T:
        with self._lock:
            if name not in self._values:
                raise InvalidInput("it is no longer here", hint="load the picture again")
            self._values.move_to_end(name)
            return self._values[name]


@dataclass(frozen=True, slots=True)
class Clicked:
    """A mask and the picture it is of."""

    photo: str
    mask: Mask


@dataclass(slots=True)
class Job:
    """An animation in the making; ``state`` is waiting, running, done or failed."""

    total: int
    fps: Fraction
    told: dict[str, str]
    state: str = "waiting"
    done: int = 0
    error: str = ""
    frames: list[Pixels] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    changed: threading.Condition = field(default_factory=threading.Condition)

    def tell(self, **changes: Any) -> None:
        """Change something, and wake who watches."""
        with self.changed:
            for name, value in changes.items():
                setattr(self, name, value)
            self.changed.notify_all()

    def news(self, seen: tuple[str, int]) -> dict[str, Any]:
        """What there is to tell, as soon as it is not what was ``seen`` (or after ten seconds)."""
        with self.changed:
            self.changed.wait_for(lambda: (self.state, self.done) != seen, timeout=10)
            return self.now()

    def now(self) -> dict[str, Any]:
        """What there is to tell."""
        return {
            "state": self.state, "done": self.done, "total": self.total, "error": self.error,
            "notes": self.notes,
        }  # fmt: skip


class Studio:
    """Pictures in, masks and clips out. One animation is made at a time; a few more may wait."""

    def __init__(self, model: FlowWarp, segmenter: Segment) -> None:
        self.model, self.segmenter = model, segmenter
        self.photos: Shelf[Pixels] = Shelf()
        self.masks: Shelf[Clicked] = Shelf()
        self.jobs: Shelf[Job] = Shelf()
        self._turn, self._waiting = threading.Lock(), threading.Semaphore(WAITING)

    def add(self, data: bytes) -> tuple[str, Pixels]:
        """A picture's name and pixels; InvalidInput or CorruptData for what is none."""
        photo = photo_of(decode_image(data, "the picture"))
        return self.photos.put(photo), photo

    def click(
        self, photo: str, include: Sequence[float], exclude: Sequence[float]
    ) -> tuple[str, Mask]:
        """The mask under clicks x, y, x, y, …"""
        pixels = self.photos[photo]
        size = pixels.shape[0], pixels.shape[1]
        inside, outside = pairs(include, size, "include"), pairs(exclude, size, "exclude")
        if not inside:
            raise InvalidInput("no click was given", hint="click on the thing")
        mask = self.segmenter.segment(pixels, inside, outside)[0][0]
        return self.masks.put(Clicked(photo, mask)), mask

    def start(
        self, things: Sequence[tuple[str, str, float]], frames: int, fps: float, seed: int
    ) -> str:
        """The name of a new job for things (mask, phrase, strength) of one picture."""
        clicked = [self.masks[name] for name, _, _ in things]
        if len({c.photo for c in clicked}) != 1:
            raise InvalidInput(
                "the masks are of different pictures" if clicked else "no thing was clicked"
            )
        photo = self.photos[clicked[0].photo]
        regions = [
            Region(c.mask, say, strength)
            for c, (_, say, strength) in zip(clicked, things, strict=True)
        ]
        made = self.model.animate(photo, regions, frames=frames, seed=seed)
        if not self._waiting.acquire(blocking=False):
            raise InvalidInput("too many animations are waiting", hint="try again in a minute")
        words = ", ".join(say for _, say, _ in things)
        job = Job(frames, Fraction(str(fps)), {"title": words, "comment": f"seed {seed}"})
        job.notes = list(made.notes)
        threading.Thread(target=self._work, args=(job, made.frames), daemon=True).start()
        return self.jobs.put(job)

    def _work(self, job: Job, frames: Any) -> None:
        try:
            with self._turn:
                job.tell(state="running")
                for frame in frames:
                    job.frames.append(np.asarray(frame))
                    job.tell(done=len(job.frames))
                self.file(job, "h264")
                job.tell(state="done")
        except InterleafError as error:
            job.tell(state="failed", error=str(error))
        except Exception as error:  # told to the page, whatever it is
            job.tell(state="failed", error=f"{type(error).__name__}: {error}")
        finally:
            self._waiting.release()

    def file(self, job: Job, codec: str) -> bytes:
        """The clip in a format, made once."""
        if codec not in job.files:
            made = encode(job.frames, job.fps, codec, metadata=job.told)
            job.files[codec] = made.data
        return job.files[codec]
