"""The toy components: everything that does not learn."""

from __future__ import annotations

import hmac
import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from interleaf import (
    Artifact,
    Context,
    CorruptData,
    Dataset,
    Domain,
    Evaluator,
    Image,
    InvalidInput,
    Item,
    Measure,
    Model,
    Renderer,
    Report,
    Schedule,
    Table,
    Tokens,
    Verdict,
)
from interleaf.interfaces.component import NoConfig
from interleaf.params import reveal
from interleaf_toy.config import (
    CodecConfig,
    GateConfig,
    ImagesConfig,
    JoinConfig,
    Limits,
    LinesConfig,
    NoiseConfig,
    RampConfig,
    ShoutConfig,
    SignConfig,
    SlowConfig,
    TokensConfig,
)
from interleaf_toy.pixels import Array, from_unit, random_image, unit
from interleaf_toy.values import Palette


def _digest(parts: Iterator[bytes]) -> str:
    total = blake2b(digest_size=16)
    for part in parts:
        total.update(len(part).to_bytes(8) + part)
    return total.hexdigest()


class Images(Dataset):
    """Random pictures; the i-th does not depend on how many there are."""

    Config = ImagesConfig

    def __len__(self) -> int:
        return int(self.config.n)

    def __getitem__(self, index: int) -> Image:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return random_image(f"image {index}", self.config.size)

    def __iter__(self) -> Iterator[Image]:
        return (self[i] for i in range(len(self)))

    def fingerprint(self) -> str:
        """Over all pixels."""
        return _digest(image.pixels.tobytes() for image in self)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [ImagesConfig(n=n, size=4) for n in (1, 3)]}


class TokenRows(Dataset):
    """The i-th sequence counts from 0 to i."""

    Config = TokensConfig

    def __len__(self) -> int:
        return int(self.config.n)

    def __iter__(self) -> Iterator[Tokens]:
        return (Tokens(np.arange(i + 1, dtype=np.uint32), "toy") for i in range(len(self)))

    def fingerprint(self) -> str:
        """Over all ids."""
        return _digest(tokens.ids.tobytes() for tokens in self)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [TokensConfig(n=n) for n in (0, 4)]}


class Lines(Dataset):
    """The lines of a UTF-8 text file, without their ends."""

    Config = LinesConfig

    def __iter__(self) -> Iterator[str]:
        lines = Path(self.config.path).read_text(encoding="utf-8").splitlines()
        return (line for line in lines if line or not self.config.skip_empty)

    def fingerprint(self) -> str:
        """Over all lines."""
        return _digest(line.encode() for line in self)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {
            "configs": [LinesConfig(path=__file__), LinesConfig(path=__file__, skip_empty=False)]
        }


class Join(Dataset):
    """The items of one dataset, then those of another; ids are ``old/0`` and ``new/0``."""

    Config = JoinConfig

    def open(self, old: Dataset, new: Dataset) -> Join:
        """A joined dataset of its own."""
        joined = Join(self.config)
        parts = {"old": old, "new": new}
        first = self.config.order
        joined._parts = {first: parts.pop(first), **parts}
        return joined

    _parts: Mapping[str, Dataset] = {}

    def __iter__(self) -> Iterator[Any]:
        return (item for part in self._parts.values() for item in part)

    def ids(self) -> Iterator[str]:
        """``old/…`` and ``new/…``."""
        return (f"{name}/{i}" for name, part in self._parts.items() for i in part.ids())

    def fingerprint(self) -> str:
        """Over the parts' own fingerprints."""
        return _digest(f"{n} {p.fingerprint()}".encode() for n, p in self._parts.items())

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        old, new = (Images(ImagesConfig(n=n, size=4)) for n in (2, 3))
        configs = [JoinConfig(), JoinConfig(order="new")]
        return {"configs": configs, "calls": {"open": [{"old": old, "new": new}]}}


class Codec(Model):
    """Keeps ``2**rate`` levels of every sample."""

    Config = CodecConfig

    def apply(self, data: Dataset) -> dict[str, Image]:
        """Every picture as it comes out of the codec."""
        return {name: self.decode(self.encode(image)) for name, image in data.items()}

    def encode(self, image: Image) -> Artifact:
        """A digest, a line with the shape, then one byte a sample."""
        levels = np.round(unit(image) * self._top).astype(np.uint8)
        data = json.dumps([*levels.shape]).encode() + b"\n" + levels.tobytes()
        return Artifact(_digest(iter([data])).encode() + data, "application/x-toy")

    def decode(self, code: Artifact) -> Image:
        """The picture; raises CorruptData for anything that :meth:`encode` did not make."""
        digest, data = code.data[:32], code.data[32:]
        if digest != _digest(iter([data])).encode():
            raise CorruptData("not a picture of toy.codec, or a damaged one")
        head, _, body = data.partition(b"\n")
        try:
            shape = tuple(int(n) for n in json.loads(head))
            levels = np.frombuffer(body, np.uint8).reshape(shape)
        except (ValueError, TypeError) as error:
            raise CorruptData(f"not a picture of toy.codec: {error}") from error
        return from_unit(levels / self._top)

    @property
    def _top(self) -> int:
        return max(1, round(2 ** min(max(float(self.config.rate), 0.0), 8.0)) - 1)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        images = Images(ImagesConfig(n=2, size=4))
        calls = {"apply": [{"data": images}], "encode": [{"image": i} for i in images]}
        code = Codec(CodecConfig(rate=4)).encode(images[0])
        return {"configs": [CodecConfig(rate=4)], "calls": {**calls, "decode": [{"code": code}]}}


class Pass(Model):
    """Gives back its input."""

    def apply(self, x: Any) -> Any:
        """``x``."""
        return x

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [NoConfig()], "calls": {"apply": [{"x": "text"}, {"x": 3}]}}


class Noise(Model):
    """Adds Gaussian noise from the call's own generator."""

    Config = NoiseConfig

    def apply(self, image: Image, ctx: Context) -> Image:
        """A noisy picture of 8 bits a sample."""
        pixels = unit(image)
        return from_unit(pixels + self.config.strength * ctx.rng.standard_normal(pixels.shape))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [NoiseConfig(), NoiseConfig(strength=0.0)]
        image = random_image("example", 5)
        return {"configs": configs, "calls": {"apply": [{"image": image}]}}


class MakePalette(Model):
    """Three colours that sum up a picture."""

    def apply(self, image: Image) -> Palette:
        """The darkest, the mean and the brightest colour."""
        colors = unit(image).reshape(-1, image.pixels.shape[2])
        order = np.argsort(colors.sum(axis=1), kind="stable")
        rows = [colors[order[0]], colors.mean(axis=0), colors[order[-1]]]
        return Palette(np.stack(rows).astype(np.float32))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [NoConfig()]
        image = random_image("example", 5)
        return {"configs": configs, "calls": {"apply": [{"image": image}]}}


class Shout(Model):
    """Text in capitals."""

    Config = ShoutConfig

    def apply(self, text: str) -> str:
        """``TEXT!``"""
        return text.upper() + self.config.ending

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [ShoutConfig()], "calls": {"apply": [{"text": "hear"}, {"text": ""}]}}


class Sign(Model):
    """Text with a digest that only the holder of the key can make."""

    Config = SignConfig

    def apply(self, text: str) -> str:
        """``text`` and 16 hexadecimal digits."""
        key = reveal(self.config.key).encode()
        return f"{text} {hmac.new(key, text.encode(), 'sha256').hexdigest()[:16]}"

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        # a variable that is set everywhere; its value shows nowhere
        return {"configs": [SignConfig(key="PATH")], "calls": {"apply": [{"text": "signed"}]}}


class Slow(Model):
    """Work in units; what is done stays done when the process is killed."""

    Config = SlowConfig

    def apply(self, ctx: Context) -> Table:
        """A row for every unit, equal whether or not the work was interrupted."""
        values = self._done(ctx.resume)
        for unit_ in range(len(values), self.config.units):
            time.sleep(self.config.seconds)
            values.append(blake2b(f"{ctx.seed} {unit_}".encode(), digest_size=4).hexdigest())
            self._keep(ctx.resume, values)
            ctx.monitor.progress(unit_ + 1, self.config.units)
        return Table({"unit": list(range(len(values))), "value": values})

    def _done(self, resume: Path | None) -> list[str]:
        file = resume / "done.json" if resume else None
        found: list[str] = json.loads(file.read_text()) if file and file.exists() else []
        return found

    def _keep(self, resume: Path | None, values: list[str]) -> None:
        if resume:
            new = resume / "done.new"
            new.write_text(json.dumps(values))
            new.replace(resume / "done.json")
        if self.config.trace:
            with Path(self.config.trace).open("a", encoding="utf-8") as trace:
                trace.write(f"{len(values)}\n")

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [SlowConfig(units=5)]}


class Ramp(Schedule):
    """0 at ``start``, 1 at the end."""

    Config = RampConfig

    @property
    def domain(self) -> Domain:
        """``start`` to ``start + length`` steps."""
        return Domain(self.config.start, self.config.start + self.config.length)

    def values(self, xs: Array) -> Mapping[str, Array]:
        """``value``."""
        return {"value": np.clip((xs - self.config.start) / self.config.length, 0, 1)}

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {"configs": [RampConfig(), RampConfig(start=-3, length=50)]}


def _error(subject: Image, reference: Image) -> float:
    if subject.pixels.shape != reference.pixels.shape:
        raise InvalidInput(f"pictures of {subject.pixels.shape} and {reference.pixels.shape}")
    return float(np.mean((unit(subject) - unit(reference)) ** 2))


class Psnr(Evaluator):
    """Peak signal-to-noise ratio in dB."""

    def evaluate(self, subject: Image | None = None, reference: Image | None = None) -> Report:
        """``psnr``; infinite for equal pictures, None with a reason when one is missing."""
        value, reason = None, "there is no picture to compare"
        if subject is not None and reference is not None:
            error = _error(subject, reference)
            value, reason = -10 * math.log10(error) if error else math.inf, ""
        measure = Measure(name="psnr", value=value, reason=reason, unit="dB", direction="up")
        return Report((measure,))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        a, b = (random_image(name, 6) for name in "ab")
        pairs = [{"subject": a, "reference": b}, {"reference": b}, {}]
        return {"configs": [NoConfig()], "calls": {"evaluate": pairs}}


class Judge(Evaluator):
    """Brightness, and the error where there is a reference."""

    def evaluate(self, subject: Image, reference: Image | None = None) -> Report:
        """``brightness`` and ``error``, None with a reason without a reference."""
        error = None if reference is None else _error(subject, reference)
        reason = "" if reference is not None else "no reference was given"
        return Report(
            (
                Measure(name="brightness", value=float(unit(subject).mean())),
                Measure(name="error", value=error, reason=reason, direction="down"),
            )
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        a, b = (random_image(name, 6) for name in "ab")
        pairs = [{"subject": a, "reference": b}, {"subject": a}]
        return {"configs": [NoConfig()], "calls": {"evaluate": pairs}}


def _reports(*values: float | None) -> list[Item]:
    """Reports of one error each; None is one that could not be had."""
    measures = [
        Measure(name="error", value=v, reason="" if v is not None else "unknown") for v in values
    ]
    return [Item(Report((m,)), f"step{i}") for i, m in enumerate(measures)]


class Count(Evaluator):
    """Counts what it gathers."""

    def evaluate(self, reports: Sequence[Item]) -> Report:
        """``reports`` and ``measures``."""
        measures = sum(len(item.value.measures) for item in reports)
        return Report(
            (
                Measure(name="reports", value=len(reports), n=len(reports)),
                Measure(name="measures", value=measures, n=len(reports)),
            )
        )

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        return {
            "configs": [NoConfig()],
            "calls": {"evaluate": [{"reports": _reports(0.1, 0.4, None)}]},
        }


class Gate(Evaluator):
    """A verdict. Without evidence it is ``insufficient``, unless it is fixed."""

    Config = GateConfig

    def evaluate(self, evidence: Sequence[Item] = ()) -> Report:
        """The fixed outcome, else what the limits say about the evidence."""
        if self.config.outcome:
            return Report(verdict=Verdict(self.config.outcome, self.config.reasons))
        name = self.config.measure
        found = [m for i in evidence for m in i.value.measures if m.name == name and not m.group]
        values = [m.value for m in found if m.value is not None]
        if len(values) < max(self.config.at_least, len(evidence)):
            return Report(verdict=Verdict("insufficient", (f"no value of '{name}'",)))
        reasons = tuple(f"{name} is {v:g}" for v in values if not self._holds(v))
        return Report(verdict=Verdict("fail" if reasons else "pass", reasons))

    def _holds(self, value: float) -> bool:
        low, high = self.config.limits.low, self.config.limits.high
        return (low is None or value >= low) and (high is None or value <= high)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        configs = [GateConfig(limits=Limits(high=0.5), at_least=2)]
        evidence = [_reports(0.1, 0.4), _reports(0.4, 0.9), _reports(0.4, None), []]
        return {"configs": configs, "calls": {"evaluate": [{"evidence": e} for e in evidence]}}


class Text(Renderer):
    """A line for everything it is given."""

    media_type = "text/plain"

    def render(self, items: Sequence[Item]) -> bytes:
        """UTF-8 text: the label, then a short description."""
        return "".join(f"{item.label}: {_told(item.value)}\n" for item in items).encode()

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        items = [Item("text", "a"), Item(random_image("example", 3), "b", "", {"n": 1})]
        return {"configs": [NoConfig()], "calls": {"render": [{"items": items}, {"items": []}]}}


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.6g}"


def _told(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, Report):
        told = [f"{m.name}={_number(m.value)}" for m in value.measures]
        return ", ".join(told + ([value.verdict.outcome] if value.verdict else []))
    if isinstance(value, Image):
        return "×".join(map(str, value.pixels.shape)) + f" mean {unit(value).mean():.4f}"
    if isinstance(value, Table):
        return f"{len(value)} rows of {', '.join(value.columns)}"
    return type(value).__name__
