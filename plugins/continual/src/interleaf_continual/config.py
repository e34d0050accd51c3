"""Parameters of the components of ``continual``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.interfaces.schedule import Schedule, Unit
from interleaf.params import Ge, Gt, InFile, Le, Lt

Rate = Annotated[float, Ge(0)]
Length = Annotated[float, Ge(0)]  # below 1 a part of ``steps``, else a number of steps
Steps = Annotated[int, Ge(1)]
Share = Annotated[float, Ge(0), Lt(1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class RewarmConfig:
    """Up from ``start`` to ``peak`` in ``warmup`` steps, then half a cosine down to ``floor``.

    ``start`` is 0 for a first stage, and the last rate of the stage before for a later one.
    ``warmup`` below 1 is a part of ``steps``, else a number of steps. ``from_first``: already step 0
    learns. ``endless`` keeps ``floor`` after the end, where otherwise the schedule ends.
    """

    steps: Steps
    peak: Rate = 3e-4
    floor: Rate = 3e-5
    start: Rate = 0.0
    warmup: Length = 0.01
    from_first: bool = False
    endless: bool = False
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class InfiniteConfig:
    """Warm up to ``peak``, cool down to ``constant``, stay there while data comes, anneal to ``floor``.

    ``warmup``, ``cooldown`` and ``hold`` are lengths, below 1 parts of ``steps``; the anneal takes
    what they leave. ``endless`` never anneals: branch off for that (``continual branch``).
    """

    steps: Steps
    peak: Annotated[float, Gt(0)] = 3e-4
    constant: Annotated[float, Gt(0)] = 1.65e-4
    floor: Annotated[float, Gt(0)] = 3e-5
    warmup: Length = 0.01
    cooldown: Length = 0.6
    hold: Length = 0.25
    shape: Literal["cosine", "invsqrt", "linear"] = "cosine"
    from_first: bool = False
    endless: bool = False
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnealConfig:
    """Exponentially from ``start`` to ``floor``: the last phase of an infinite schedule, alone."""

    steps: Steps
    start: Annotated[float, Gt(0)] = 1.65e-4
    floor: Annotated[float, Gt(0)] = 3e-5
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class StableConfig:
    """Warm up from ``start``, stay at ``peak``, decay to ``floor`` in the last ``decay`` steps by ``shape``.

    ``sqrt`` falls as 1 − √u (arXiv 2405.18392). Lengths below 1 are parts of ``steps``.
    """

    steps: Steps
    peak: Annotated[float, Gt(0)] = 3e-4
    floor: Rate = 0.0
    start: Rate = 0.0
    warmup: Length = 0.01
    decay: Length = 0.2
    shape: Literal["linear", "cosine", "sqrt", "exponential"] = "sqrt"
    from_first: bool = False
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrapezoidConfig:
    """A line up from ``start``, a level, and a line down to ``floor``."""

    steps: Steps
    peak: Rate = 3e-4
    floor: Rate = 0.0
    start: Rate = 0.0
    warmup: Length = 0.1
    decay: Length = 0.3
    from_first: bool = False
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerLawConfig:
    """Warm up in ``warmup`` steps, then ``peak · (1 + s / scale)^-exponent`` for ever.

    s counts from the warm-up's end, ``scale`` 0 stands for the warm-up's length. An exponent of 1/2
    is the inverse square root of arXiv 1706.03762. Never below ``floor``.
    """

    peak: Rate = 3e-4
    warmup: Annotated[int, Ge(0)] = 100
    exponent: Rate = 0.5
    scale: Annotated[float, Ge(0)] = 0.0
    floor: Rate = 0.0
    from_first: bool = False
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolynomialConfig:
    """Warm up, then ``floor + (peak − floor) · (1 − u)^exponent`` up to ``steps``."""

    steps: Steps
    peak: Rate = 3e-4
    floor: Rate = 0.0
    exponent: Annotated[float, Gt(0)] = 1.0
    warmup: Length = 0.01
    from_first: bool = False
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseConfig:
    """``length`` steps to the value ``to``; ``exponent`` is that of the shape ``power``."""

    length: Annotated[float, Gt(0)]
    to: float
    shape: Literal["linear", "cosine", "sqrt", "invsqrt", "exponential", "power"] = "linear"
    exponent: Annotated[float, Gt(0)] = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PiecewiseConfig:
    """From ``start`` through ``phases``, each to its own value; ``endless`` keeps the last one."""

    phases: tuple[PhaseConfig, ...]
    start: float = 0.0
    endless: bool = False
    unit: Unit = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatConfig:
    """``of`` again and again: ``times``, or for ever at 0."""

    of: Schedule
    times: Annotated[int, Ge(0)] = 0


Part = Literal["all", "train", "valid", "held"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextConfig:
    """``path``: a text file in UTF-8 (``.txt``, ``.xz``, ``.gz``, ``.bz2``), or a folder of them.

    ``part``: all of it, or what is left for training when ``valid`` and ``held`` parts of it are put
    aside, cut where works end: each file is a work, a single file is cut at ``mark`` (a regular
    expression that begins a work), or where no mark is given at the break that fewest names cross.
    ``document``: least bytes of an item. ``tokenizer``: a ``tokenizer.json``; without one, and
    without a model that reads the text, tokens are bytes.
    """

    path: InFile
    part: Part = "all"
    held: Share = 0.1
    valid: Share = 0.1
    mark: str = ""
    document: Annotated[int, Ge(64)] = 8192
    tokenizer: InFile | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenFileConfig:
    """``path``: a folder with ``tokens.bin`` and ``header.json`` (see ``continual pack``), read in
    place. ``verify`` compares the bytes with the header's sha256 before the first use."""

    path: InFile
    verify: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayConfig:
    """Windows of new data with a ``fraction`` of old ones among them.

    ``mode``: ``equal_compute`` replaces new windows by old ones (the paper's), ``additive`` adds
    ``fraction`` old windows for each new one, ``per_batch`` gives every ``batch`` the same whole
    number of them. ``changing`` replaces ``fraction`` by a schedule over steps of ``batch`` samples.
    ``window``: tokens a sample predicts. ``shares``: of several old sources; by default their sizes.
    ``consumed``: of an old source that is itself a mixture, how many of its samples an earlier stage
    saw, and only those come again; 0 all of them once. ``samples``: how many there are when read as a
    dataset, 0: until every new window came once. ``documents``: no window crosses the end of one.
    ``last``: the tokens behind the last whole window get one that overlaps, or are dropped. ``seed``
    orders the windows.
    """

    fraction: Share = 0.0
    changing: Schedule | None = None
    mode: Literal["equal_compute", "additive", "per_batch"] = "equal_compute"
    window: Annotated[int, Ge(1)] = 256
    batch: Annotated[int, Ge(1)] = 1
    shares: tuple[float, ...] = ()
    consumed: Annotated[int, Ge(0)] = 0
    samples: Annotated[int, Ge(0)] = 0
    documents: bool = False
    last: Literal["overlap", "drop"] = "overlap"
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GptConfig:
    """A ``preset``, with whatever is given in place of its own.

    ``rotary``: the part of each head that RoPE turns, 0 for learnt positions. ``tied``: the head is
    the embedding. ``parallel``: attention and MLP side by side. A ``vocabulary`` of 256 is bytes.
    """

    preset: Literal["tiny", "small", "405m", "10b"] = "tiny"
    vocabulary: Annotated[int, Ge(2)] | None = None
    context: Annotated[int, Ge(1)] | None = None
    layers: Annotated[int, Ge(1)] | None = None
    heads: Annotated[int, Ge(1)] | None = None
    width: Annotated[int, Ge(2)] | None = None
    rotary: Annotated[float, Ge(0), Le(1)] | None = None
    tied: bool | None = None
    parallel: bool | None = None
    bias: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateConfig:
    """``tokens`` bytes behind ``prompt``. ``top_k`` 0 draws from all; ``temperature`` 0 draws none."""

    prompt: str = ""
    tokens: Annotated[int, Ge(1)] = 200
    temperature: Annotated[float, Ge(0)] = 0.8
    top_k: Annotated[int, Ge(0)] = 0
