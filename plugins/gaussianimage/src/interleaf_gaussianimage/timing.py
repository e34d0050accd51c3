"""What a model takes for a picture: time, memory, and how fast the picture comes nearer."""

import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Evaluator, Measure, Model, ModelHandle, Report
from interleaf.pipeline.apart import apart
from interleaf.pipeline.calling import accepts
from interleaf.values import Artifact, Image, Item, Table
from interleaf_gaussianimage.components import Fit, Rd
from interleaf_gaussianimage.config import FitConfig, SpeedConfig

Trace = list[tuple[float, float]]
LONG = 5.0  # seconds of decoding, after which it is not begun again


class Recorder:
    """A monitor that notes when which PSNR was told."""

    def __init__(self) -> None:
        self.trace: Trace = []
        self.began = time.perf_counter()

    def progress(self, done: float, total: float | None = None, **info: Any) -> None:
        """Note it."""
        if "psnr" in info:
            self.trace.append((time.perf_counter() - self.began, float(info["psnr"])))

    def notice(self, message: str) -> None:
        """Nothing to note."""


class Speed(Evaluator):
    """Times a model on a picture, in a process of its own."""

    Config = SpeedConfig

    def evaluate(
        self, model: ModelHandle | Model, image: Image, ctx: Context | None = None
    ) -> Report:
        """Seconds and memory of the call that takes the picture, decoding time, bits and PSNR of codecs.

        ``model`` gives bytes for an image (``encode``), or anything for it (``apply``). Memory is the
        highest beside what the libraries hold. The table holds the PSNR that the model told on its way.
        """
        ctx = ctx or Context()
        live = model.load(ctx) if isinstance(model, ModelHandle) else model
        arguments = (live, image, ctx.seed, ctx.threads, self.config.decodes)
        with ProcessPoolExecutor(1, mp_context=apart(__name__)) as pool:
            try:
                found, trace = pool.submit(measure, *arguments).result()
            except BrokenProcessPool:
                raise RuntimeError(
                    "the model's process ended early: memory is full, or the script that asked does not "
                    "hold its work below `if __name__ == '__main__':`"
                ) from None
        last = trace[-1][1] if trace else None
        absent = "the model gives no file"
        measures = (
            Measure(name="seconds", value=found["seconds"], unit="s", direction="down"),
            Measure(name="memory", value=found["memory"], unit="MiB", direction="down"),
            _optional("psnr", found.get("psnr", last), "the model told no PSNR", "dB", "up"),
            _optional("bpp", found.get("bpp"), absent, "", "none"),
            _optional("decode", found.get("decode"), absent, "ms", "down"),
            _optional("pictures_per_second", found.get("rate"), absent, "1/s", "up"),
        )
        rows = [{"seconds": s, "psnr (dB)": p} for s, p in trace]
        return Report(measures, (Table.from_rows(rows),) if rows else ())

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        pixels = np.random.default_rng(0).integers(0, 256, (9, 14, 3)).astype(np.uint8)
        model = Fit(FitConfig(points=5, steps=40))
        call = {"model": model, "image": Image(pixels)}
        return {"configs": [SpeedConfig(decodes=2)], "calls": {"evaluate": [call]}}


def _optional(name: str, value: float | None, reason: str, unit: str, direction: Any) -> Measure:
    told = "" if value is not None else reason
    return Measure(name=name, value=value, reason=told, unit=unit, direction=direction)


def measure(
    model: Model, image: Image, seed: int, threads: int, decodes: int
) -> tuple[dict[str, float], Trace]:
    """Numbers by name, and the trace; the model's own examples are tried first, to load all code."""
    verb = next((v for v in ("encode", "apply") if hasattr(model, v)), None)
    if verb is None:
        raise InvalidInput(f"{type(model).__name__} takes no picture", hint="a model with encode")
    if threads and "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    _warm(model, ("encode", "decode") if verb == "encode" else ("apply",))
    before, recorder = _resident(), Recorder()
    ctx = Context(seed=seed, threads=threads, monitor=recorder)
    gave = _call(model, verb, ctx, image=image)
    found = {"seconds": time.perf_counter() - recorder.began, "memory": max(0.0, _peak() - before)}
    if verb == "encode":
        code = gave if isinstance(gave, Artifact) else Artifact(gave, "application/octet-stream")
        found |= _decoded(model, code, image, ctx, decodes)
    return found, recorder.trace


def _call(model: Model, verb: str, ctx: Context, **inputs: Any) -> Any:
    call = getattr(model, verb)
    return call(**inputs, **({"ctx": ctx} if accepts(call, "ctx") else {}))


def _decoded(
    model: Model, code: Artifact, image: Image, ctx: Context, decodes: int
) -> dict[str, float]:
    """Milliseconds, pictures a second, bits per pixel and PSNR of a file."""
    times: list[float] = []
    while len(times) < decodes and sum(times) < LONG:
        began = time.perf_counter()
        shown = _call(model, "decode", ctx, code=code)
        times.append(time.perf_counter() - began)
    middle = statistics.median(times)
    quality = Rd().evaluate(code, shown, image)
    found = {name: quality[name].value or 0.0 for name in ("bpp", "psnr")}
    return {"decode": 1e3 * middle, "rate": 1 / middle, **found}


def _warm(model: Model, calls: Sequence[str]) -> None:
    examples = type(model).examples()
    small = type(model)(examples["configs"][0])
    for call in calls:
        for inputs in examples["calls"].get(call, ())[:1]:
            getattr(small, call)(**inputs)


def _resident() -> float:
    """MiB that this process holds now."""
    file = Path("/proc/self/statm")
    if file.exists():
        return int(file.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    return _peak()


def _peak() -> float:
    """The most MiB that this process has held."""
    file = Path("/proc/self/status")
    if file.exists():  # ru_maxrss would be inherited from the parent
        line = next(t for t in file.read_text().splitlines() if t.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


class Times(Model):
    """Who reaches which PSNR when."""

    def apply(self, reports: Sequence[Item]) -> dict[str, Any]:
        """``table``: method, seconds, PSNR on the way; ``report``: how many times sooner each method reaches
        what another ends with, as ``sooner_than_OTHER`` of group METHOD.

        Reports are those of ``gaussianimage.speed``; a method is the step and coordinates of one.
        """
        traces = {_name(item): _trace(item) for item in reports}
        rows = [
            {"method": name, "seconds": s, "psnr (dB)": p}
            for name, trace in traces.items()
            for s, p in trace
        ]
        return {"table": Table.from_rows(rows), "report": Report(tuple(_sooner(traces)))}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""

        def item(step: str, levels: Sequence[float]) -> Item:
            rows = [{"seconds": float(i + 1), "psnr (dB)": p} for i, p in enumerate(levels)]
            measures = (Measure(name="seconds", value=float(len(rows)), unit="s"),)
            return Item(Report(measures, (Table.from_rows(rows),)), step, "", {})

        items = [item("fast", [30.0, 40.0]), item("slow", [20.0, 22.0, 24.0])]
        return {"configs": [type(cls().config)()], "calls": {"apply": [{"reports": items}]}}


def _name(item: Item) -> str:
    return ", ".join((item.step, *(f"{k} {v}" for k, v in item.coords.items())))


def _trace(item: Item) -> Trace:
    wanted = ("seconds", "psnr (dB)")
    table = next((t for t in item.value.tables if set(wanted) <= set(t.columns)), None)
    if table is None:
        raise InvalidInput(
            f"a report of {item.step} holds no PSNR on the way", hint="of gaussianimage.speed"
        )
    return list(zip(*(map(float, table.columns[name]) for name in wanted), strict=True))


def _sooner(traces: Mapping[str, Trace]) -> Iterator[Measure]:
    for name, trace in traces.items():
        for other, theirs in traces.items():
            if other == name:
                continue
            seconds, held = theirs[-1]
            reached = next((s for s, level in trace if level >= held), None)
            yield Measure(
                name=f"sooner_than_{other}", value=None if reached is None else seconds / reached,
                reason="" if reached else f"never reaches {held:.2f} dB", direction="up", unit="times",
                group=name,
            )  # fmt: skip
