"""Faulty variants of correct components: each is killed by the check that is named for it."""

from __future__ import annotations

import itertools
import os
import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from interleaf.errors import InvalidInput
from interleaf.interfaces import (
    Dataset,
    Domain,
    Evaluator,
    Measure,
    Model,
    Renderer,
    Report,
    Schedule,
    Verdict,
)
from interleaf.interfaces.component import NoConfig
from interleaf.plugin import Call, component
from interleaf.testing import Examples, Subject
from interleaf.testing.running import CHECKS, attempt
from interleaf.values import Artifact, Image, Item

Make = Callable[[Any], Any]
MUTANTS: list[tuple[str, str, Make]] = []


def kill(check: str, ref: str) -> Callable[[Make], Make]:
    """The mutant of ``ref`` that the decorated function makes is to be killed by ``check``."""

    def note(make: Make) -> Make:
        MUTANTS.append((check, ref, make))
        return make

    return note


def variant(check: str, ref: str, name: str, **members: Any) -> None:
    """A mutant that is the class with other members."""

    def make(cls: type) -> type:
        return type(cls.__name__, (cls,), members)

    make.__name__ = name
    MUTANTS.append((check, ref, make))


# --- correct components for capabilities that the toys do not have ---


class Numbers(Dataset):
    """0 to 9, resumable, in two parts."""

    def __init__(self, config: Any = None) -> None:
        super().__init__(config)
        self.at, self.chosen = 0, tuple(range(10))

    def __iter__(self) -> Any:
        start, self.at = self.at, 0
        for place in range(start, len(self.chosen)):
            self.at = place + 1
            yield self.chosen[place]

    def ids(self) -> Any:
        """``n0`` and so on."""
        return (f"n{i}" for i in self.chosen)

    def items(self) -> Any:
        """Without touching the place."""
        return ((f"n{i}", i) for i in self.chosen)

    def fingerprint(self) -> str:
        """Of the numbers."""
        return repr(self.chosen)

    def split(self, name: str) -> Dataset:
        """``even`` or ``odd``."""
        part = type(self)()
        part.chosen = tuple(i for i in self.chosen if i % 2 == (name == "odd"))
        return part

    def state(self) -> Mapping[str, Any]:
        """Where it is."""
        return {"at": self.at}

    def resume(self, state: Mapping[str, Any]) -> None:
        """Go on there."""
        self.at = state["at"]


class Waves(Schedule):
    """alpha and sigma on a circle, with a period and shares."""

    period = 8.0

    @property
    def domain(self) -> Domain:
        """Endless."""
        return Domain(0, None)

    def values(self, xs: Any) -> Any:
        """cos and sin."""
        phase = 2 * np.pi * (xs % self.period) / self.period
        return {"alpha": np.cos(phase), "sigma": np.sin(phase)}


class Shares(Schedule):
    """Two shares that swap, spending a budget."""

    budget = 10.0

    @property
    def domain(self) -> Domain:
        """Ten steps."""
        return Domain(0, 10)

    def values(self, xs: Any) -> Any:
        """Sum 1."""
        return {"new": xs / 10, "old": 1 - xs / 10}


class Total(Evaluator):
    """A mean that can be had in shards."""

    def evaluate(self, reports: Any) -> Report:
        """All at once."""
        return self.finish(self.update(self.start(), reports))

    def start(self) -> tuple[float, int]:
        """Nothing yet."""
        return 0.0, 0

    def update(self, state: Any, items: Any) -> Any:
        """More items."""
        values = [m.value for i in items for m in i.value.measures]
        return state[0] + sum(values), state[1] + len(values)

    def merge(self, left: Any, right: Any) -> Any:
        """Two shards."""
        return left[0] + right[0], left[1] + right[1]

    def finish(self, state: Any) -> Report:
        """The mean, None of nothing."""
        if not state[1]:
            return Report((Measure(name="mean", value=None, reason="nothing was given"),))
        return Report((Measure(name="mean", value=state[0] / state[1], n=state[1]),))


class Html(Renderer):
    """Escaped text."""

    media_type = "text/html"

    def render(self, items: Any) -> bytes:
        """A list."""
        from html import escape

        return ("<!doctype html>" + "".join(f"<p>{escape(str(i))}" for i in items)).encode()


class Scorer(Model):
    """The mean of each sequence, as its log-probability."""

    def logprobs(self, sequences: Any) -> list[Any]:
        """One number for each."""
        return [np.float64(np.mean(s)) for s in sequences]


@dataclass(frozen=True, slots=True, kw_only=True)
class SumConfig:
    backend: Literal["fast", "plain"] = "fast"


class Sum(Model):
    """The sum of an array, computed in two ways."""

    Config = SumConfig

    def apply(self, x: Any) -> Any:
        """A number."""
        if self.config.backend == "fast":
            return np.float64(np.sum(x))
        return np.float64(sum(x.ravel().tolist()))


def _reports(*values: float) -> list[Item]:
    return [Item(Report((Measure(name="error", value=v),)), f"s{i}") for i, v in enumerate(values)]


REPORTS = Call(needs={"reports": "report*"}, gives={"report": "report"})
TEXT = Call(needs={"items": "text*"}, gives={"page": "bytes"})
OWN: dict[str, tuple[Any, Any, Any]] = {
    "numbers": (
        component("numbers", Dataset, "", capabilities=["Resumable", "Split"], deterministic=True),
        Numbers,
        Examples(configs=[NoConfig()], splits=["even", "odd"]),
    ),
    "waves": (
        component("waves", Schedule, "", capabilities=["VariancePreserving", "Periodic"]),
        Waves,
        Examples(configs=[NoConfig()]),
    ),
    "shares": (
        component(
            "shares", Schedule, "", capabilities=["Simplex", "NonNegative", "Monotone", "Bounded"]
        ),
        Shares,
        Examples(configs=[NoConfig()]),
    ),
    "total": (
        component(
            "total", Evaluator, "", calls={"evaluate": REPORTS}, capabilities=["Streaming"],
            deterministic=True,
        ),
        Total,
        Examples(configs=[NoConfig()], calls={"evaluate": [{"reports": _reports(1, 2, 4, 8)}]}),
    ),
    "scorer": (
        component(
            "scorer", Model, "", capabilities=["Scored"], deterministic=True,
            calls={"logprobs": Call(needs={"sequences": "any"}, gives={"scores": "any"})},
        ),
        Scorer,
        Examples(
            configs=[NoConfig()],
            calls={"logprobs": [{"sequences": [np.arange(3.0), np.arange(7.0), np.ones(2)]}]},
        ),
    ),
    "sum": (
        component("sum", Model, "", calls={"apply": Call(needs={"x": "any"}, gives={"y": "any"})}),
        Sum,
        Examples(configs=[SumConfig()], calls={"apply": [{"x": np.arange(12.0).reshape(3, 4)}]}),
    ),
    "html": (
        component("html", Renderer, "", calls={"render": TEXT}, deterministic=True),
        Html,
        Examples(configs=[NoConfig()], calls={"render": [{"items": ["text", "more"]}]}),
    ),
}  # fmt: skip


def correct(ref: str) -> Subject:
    """The component before mutation."""
    if ref in OWN:
        spec, cls, examples = OWN[ref]
        return Subject(f"own.{ref}", spec, cls, examples)
    return Subject.of(ref)


def run(check: str, subject: Subject) -> Any:
    found = next(c for c in CHECKS if c.name == check)
    assert found.applies(subject), f"{check} is not selected for {subject.ref}"
    return attempt(subject.ref, check, lambda: found.run(subject, 5))


# --- every component ---


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherConfig:
    strength: float = 0.1


@dataclass(slots=True, kw_only=True)
class Thawed:
    strength: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Unslotted:
    strength: float = 0.1


@dataclass(frozen=True, slots=True)
class Positional:
    strength: float = 0.1


class NoDataclass:
    strength = 0.1


for _name, _config in (
    ("thawed", Thawed), ("unslotted", Unslotted), ("positional", Positional),
    ("no_dataclass", NoDataclass), ("of_another_class", OtherConfig),
):  # fmt: skip
    variant("config_is_frozen", "toy.noise", f"config_{_name}", Config=_config)


@kill("has_examples", "toy.noise")
def no_configurations(subject: Subject) -> Subject:
    return replace(subject, examples=Examples(calls=subject.examples.calls))


@kill("has_examples", "toy.noise")
def no_inputs(subject: Subject) -> Subject:
    return replace(subject, examples=Examples(configs=subject.examples.configs))


@kill("config_round_trips", "toy.noise")
def example_out_of_range(subject: Subject) -> Subject:
    return _with_configs(subject, type(subject.examples.configs[0])(strength=7.0))


@kill("config_round_trips", "toy.noise")
def example_of_another_config(subject: Subject) -> Subject:
    return _with_configs(subject, OtherConfig())


@kill("config_round_trips", "toy.noise")
def example_with_a_number_as_text(subject: Subject) -> Subject:
    return _with_configs(subject, type(subject.examples.configs[0])(strength="0.1"))  # type: ignore[call-arg]


def _with_configs(subject: Subject, *configs: Any) -> Subject:
    return replace(subject, examples=replace(subject.examples, configs=configs))


@kill("code_is_as_declared", "toy.noise")
def declares_a_capability_it_lacks(subject: Subject) -> Subject:
    return replace(subject, spec=replace(subject.spec, capabilities=frozenset({"Codec"})))


@kill("code_is_as_declared", "toy.noise")
def declares_a_capability_there_is_not(subject: Subject) -> Subject:
    return replace(subject, spec=replace(subject.spec, capabilities=frozenset({"Codek"})))


@kill("code_is_as_declared", "toy.noise")
def declares_a_call_it_lacks(subject: Subject) -> Subject:
    calls = {**subject.spec.calls, "generate": Call(gives={"image": "image"})}
    return replace(subject, spec=replace(subject.spec, calls=calls))


@kill("code_is_as_declared", "toy.noise")
def declares_a_call_no_model_has(subject: Subject) -> Subject:
    calls = {**subject.spec.calls, "transmogrify": Call(gives={"image": "image"})}
    return replace(subject, spec=replace(subject.spec, calls=calls))


@kill("code_is_as_declared", "toy.noise")
def inherits_its_call(subject: Subject) -> Subject:
    return replace(subject, cls=type("Bare", (Model,), {"Config": subject.cls.Config}))


@kill("code_is_as_declared", "toy.noise")
def is_of_another_interface(subject: Subject) -> Subject:
    return replace(subject, cls=Html)


def _init(body: Callable[[Any], Any]) -> Any:
    def __init__(self: Any, config: Any = None) -> None:
        self.config = config
        body(self)

    return __init__


variant("constructor_only_stores", "toy.noise", "forgets_its_config",
        __init__=_init(lambda self: setattr(self, "config", OtherConfig())))  # fmt: skip
variant("constructor_only_stores", "toy.noise", "seeds_numpy_when_made",
        __init__=_init(lambda self: np.random.seed(1)))  # fmt: skip
variant("constructor_only_stores", "toy.noise", "seeds_random_when_made",
        __init__=_init(lambda self: random.seed(time.monotonic_ns())))  # fmt: skip
variant("constructor_only_stores", "toy.noise", "sets_the_environment_when_made",
        __init__=_init(lambda self: os.environ.update(TOY_MADE=str(time.monotonic_ns()))))  # fmt: skip


def _applied(spoil: Callable[[Any, Image, Any], Any]) -> Callable[[type], type]:
    def make(cls: Any) -> type:
        def apply(self: Any, image: Image, ctx: Any) -> Any:
            made = cls.apply(self, image, ctx)
            return spoil(self, made, image)

        return type(cls.__name__, (cls,), {"apply": apply})

    return make


def spoilt(check: str, ref: str, name: str, spoil: Callable[[Any, Image, Any], Any]) -> None:
    make = _applied(spoil)
    make.__name__ = name
    MUTANTS.append((check, ref, make))


def _plus(image: Image, number: float) -> Image:
    return Image((image.pixels + np.uint8(number % 251)).astype(np.uint8))


COUNTER = itertools.count(1)
spoilt("gives_what_it_declares", "toy.noise", "gives_text", lambda s, made, given: "text")
spoilt("gives_what_it_declares", "toy.noise", "gives_nothing", lambda s, made, given: None)
spoilt(
    "gives_what_it_declares",
    "toy.noise",
    "gives_the_bare_array",
    lambda s, made, given: made.pixels,
)
spoilt(
    "gives_what_it_declares",
    "toy.noise",
    "gives_other_names",
    lambda s, made, given: {"picture": made},
)
spoilt("same_seed_same_bytes", "toy.noise", "uses_the_global_generator",
       lambda s, made, given: _plus(made, np.random.randint(1, 250)))  # fmt: skip
spoilt("same_seed_same_bytes", "toy.noise", "uses_the_clock",
       lambda s, made, given: _plus(made, time.perf_counter_ns()))  # fmt: skip
spoilt("same_seed_same_bytes", "toy.noise", "uses_entropy",
       lambda s, made, given: _plus(made, int.from_bytes(os.urandom(4))))  # fmt: skip
spoilt("same_seed_same_bytes", "toy.noise", "uses_an_address",
       lambda s, made, given: _plus(made, next(COUNTER)))  # fmt: skip
spoilt("instances_are_independent", "toy.noise", "counts_its_calls",
       lambda s, made, given: _plus(made, _count(s)))  # fmt: skip
spoilt("instances_are_independent", "toy.noise", "counts_for_all_instances",
       lambda s, made, given: _plus(made, _count(type(s))))  # fmt: skip
spoilt(
    "leaves_the_world_alone",
    "toy.noise",
    "draws_from_numpy",
    lambda s, made, given: (np.random.rand(), made)[1],
)
spoilt(
    "leaves_the_world_alone",
    "toy.noise",
    "draws_from_random",
    lambda s, made, given: (random.random(), made)[1],
)
spoilt("leaves_the_world_alone", "toy.noise", "changes_the_environment",
       lambda s, made, given: (os.environ.update(TOY=str(next(COUNTER))), made)[1])  # fmt: skip
spoilt("leaves_the_world_alone", "toy.noise", "silences_numpy",
       lambda s, made, given: (np.seterr(all="ignore"), made)[1])  # fmt: skip
spoilt("leaves_the_world_alone", "toy.noise", "prints_numbers_its_way",
       lambda s, made, given: (np.set_printoptions(precision=3), made)[1])  # fmt: skip
spoilt("leaves_inputs_alone", "toy.noise", "paints_on_its_input",
       lambda s, made, given: (given.pixels.__setitem__((0, 0), given.pixels[0, 0] + 1), made)[1])  # fmt: skip
spoilt(
    "any_value_is_taken_or_refused",
    "toy.noise",
    "needs_two_rows",
    lambda s, made, given: (given.pixels[1], made)[1],
)


def _count(place: Any) -> int:
    place.calls = getattr(place, "calls", 0) + 1
    return int(place.calls)


@kill("leaves_the_world_alone", "toy.noise")
def moves_house(cls: Any) -> type:
    def apply(self: Any, image: Image, ctx: Any) -> Image:
        os.chdir(ctx.scratch.parent if Path.cwd() != ctx.scratch.parent else "/")
        made: Image = cls.apply(self, image, ctx)
        return made

    return type("Mutant", (cls,), {"apply": apply})


@kill("leaves_inputs_alone", "toy.count")
def keeps_adding_to_its_list(cls: Any) -> type:
    def evaluate(self: Any, reports: Any) -> Report:
        found: Report = cls.evaluate(self, reports)
        reports.append(reports[0])
        return found

    return type("Mutant", (cls,), {"evaluate": evaluate})


@kill("a_killed_call_ends_the_same", "toy.slow")
def forgets_a_unit(cls: Any) -> type:
    return type(
        "Mutant",
        (cls,),
        {
            "_done": lambda self, resume: (
                cls._done(self, resume)[:-1] + ["x"] * bool(cls._done(self, resume))
            )
        },
    )


@kill("a_killed_call_ends_the_same", "toy.slow")
def counts_its_attempts(cls: Any) -> type:
    def _done(self: Any, resume: Any) -> list[str]:
        found: list[str] = cls._done(self, resume)
        return [f"{v}+" for v in found]

    return type("Mutant", (cls,), {"_done": _done})


@kill("any_value_is_taken_or_refused", "toy.shout")
def wants_a_first_letter(cls: Any) -> type:
    return type("Mutant", (cls,), {"apply": lambda self, text: text[0] + cls.apply(self, text)})


@kill("any_value_is_taken_or_refused", "toy.count")
def wants_a_first_report(cls: Any) -> type:
    def evaluate(self: Any, reports: Any) -> Report:
        assert reports[0]
        found: Report = cls.evaluate(self, reports)
        return found

    return type("Mutant", (cls,), {"evaluate": evaluate})


@kill("any_value_is_taken_or_refused", "toy.psnr")
def compares_what_does_not_fit(cls: Any) -> type:
    def evaluate(self: Any, subject: Any = None, reference: Any = None) -> Report:
        if subject is not None and reference is not None:
            assert (subject.pixels - reference.pixels) is not None
        found: Report = cls.evaluate(self, subject, reference)
        return found

    return type("Mutant", (cls,), {"evaluate": evaluate})


# --- datasets ---


def _once(self: Any) -> Any:
    self.left = getattr(self, "left", None) or iter([self[i] for i in range(len(self))])
    return self.left


def _worn(self: Any) -> Any:
    self.uses = getattr(self, "uses", 0) + 1
    return (self[(i + self.uses) % len(self)] for i in range(len(self)))


def _alternating(self: Any) -> Any:
    self.uses = getattr(self, "uses", 0) + 1
    return (self[i] for i in range(len(self)) if self.uses % 2 or i)


variant("iterates_again_equally", "toy.images", "iterates_once", __iter__=_once)
variant("iterates_again_equally", "toy.images", "shuffles_each_time", __iter__=_worn)
variant("ids_name_the_items", "toy.images", "one_id_for_all", ids=lambda s: iter(["x"] * len(s)))
variant(
    "ids_name_the_items",
    "toy.images",
    "an_id_too_few",
    ids=lambda s: iter(map(str, range(len(s) - 1))),
)
variant("ids_name_the_items", "toy.images", "ids_are_numbers", ids=lambda s: iter(range(len(s))))
variant(
    "ids_name_the_items",
    "toy.images",
    "an_empty_id",
    ids=lambda s: iter(["", *map(str, range(1, len(s)))]),
)
variant(
    "fingerprint_is_of_the_content",
    "toy.images",
    "one_fingerprint_for_all",
    fingerprint=lambda s: "same",
)
variant(
    "fingerprint_is_of_the_content",
    "toy.images",
    "fingerprint_of_the_object",
    fingerprint=lambda s: str(next(COUNTER)),
)
variant(
    "fingerprint_is_of_the_content", "toy.images", "an_empty_fingerprint", fingerprint=lambda s: ""
)
variant(
    "fingerprint_sees_every_byte",
    "toy.lines",
    "fingerprint_of_the_path",
    fingerprint=lambda s: s.config.path,
)
variant("fingerprint_sees_every_byte", "toy.lines", "fingerprint_of_the_size",
        fingerprint=lambda s: str(Path(s.config.path).stat().st_size))  # fmt: skip
variant("fingerprint_sees_every_byte", "toy.lines", "fingerprint_of_the_first_lines",
        fingerprint=lambda s: "".join(itertools.islice(s, 2)))  # fmt: skip
variant(
    "length_agrees",
    "toy.images",
    "one_too_long",
    __len__=lambda s: s.config.n + 1,
    __iter__=lambda s: (s[i] for i in range(s.config.n)),
)


@kill("index_agrees", "toy.images")
def counts_from_the_end(cls: Any) -> type:
    def __getitem__(self: Any, index: int) -> Image:
        found: Image = cls.__getitem__(self, len(self) - 1 - index)
        return found

    return type(
        "Mutant",
        (cls,),
        {
            "__getitem__": __getitem__,
            "__iter__": lambda s: (cls.__getitem__(s, i) for i in range(len(s))),
        },
    )


@kill("index_agrees", "toy.images")
def starts_again_behind_the_end(cls: Any) -> type:
    return type("Mutant", (cls,), {"__getitem__": lambda s, i: cls.__getitem__(s, i % len(s))})


@kill("index_agrees", "toy.images")
def gives_none_behind_the_end(cls: Any) -> type:
    return type(
        "Mutant",
        (cls,),
        {"__getitem__": lambda s, i: cls.__getitem__(s, i) if i < len(s) else None},
    )


variant(
    "resumes_anywhere",
    "numbers",
    "skips_one",
    resume=lambda s, state: setattr(s, "at", state["at"] + 1),
)
variant(
    "resumes_anywhere",
    "numbers",
    "repeats_one",
    resume=lambda s, state: setattr(s, "at", max(0, state["at"] - 1)),
)
variant("resumes_anywhere", "numbers", "begins_again", resume=lambda s, state: None)
variant("resumes_anywhere", "numbers", "remembers_the_beginning", state=lambda s: {"at": 0})


def _overlapping(self: Any, name: str) -> Dataset:
    part = type(self)()
    part.chosen = (0, 1, 2, 3) if name == "even" else (3, 4, 5)
    return part


def _renamed(self: Any, name: str) -> Dataset:
    part = type(self)()
    part.chosen = (0, 1)
    part.items = lambda: ((f"{name}{i}", i) for i in part.chosen)
    return part


variant("splits_are_disjoint", "numbers", "splits_share_an_item", split=_overlapping)
variant("splits_are_disjoint", "numbers", "splits_rename_an_item", split=_renamed)


# --- models ---


@kill("saves_and_loads_exactly", "toy.mean")
def saves_half_the_precision(cls: Any) -> type:
    def save(self: Any, folder: Path) -> None:
        mean = np.zeros(0) if self.mean is None else self.mean
        np.save(folder / "mean.npy", mean.astype(np.float16))
        self.mean = None if self.mean is None else self.mean + 1e-3

    return type("Mean", (cls,), {"save": save, "copy": _copy_of(cls)})


@kill("saves_and_loads_exactly", "toy.mean")
def loads_nothing(cls: Any) -> type:
    return type("Mean", (cls,), {"load": lambda self, folder: None, "copy": _copy_of(cls)})


@kill("saves_and_loads_exactly", "toy.mean")
def saves_the_time(cls: Any) -> type:
    def save(self: Any, folder: Path) -> None:
        cls.save(self, folder)
        (folder / "made").write_text(str(time.perf_counter_ns()))

    def load(self: Any, folder: Path) -> None:
        self.mean = np.load(folder / "mean.npy")

    return type("Mean", (cls,), {"save": save, "load": load, "copy": _copy_of(cls)})


def _copy_of(cls: Any) -> Any:
    def copy(self: Any) -> Any:
        other = type(self)(self.config)
        other.mean = None if self.mean is None else self.mean.copy()
        return other

    return copy


def _loading(name: str, load: Any) -> None:
    def make(cls: Any) -> type:
        return type("Mean", (cls,), {"load": lambda s, f: load(cls, s, f), "copy": _copy_of(cls)})

    make.__name__ = name
    MUTANTS.append(("load_refuses_what_is_not_whole", "toy.mean", make))


def _if_there(cls: Any, self: Any, folder: Path) -> None:
    if (folder / "mean.npy").exists():
        cls.load(self, folder)


def _bare(cls: Any, self: Any, folder: Path) -> None:
    self.mean = np.load(folder / "mean.npy")


def _lenient(cls: Any, self: Any, folder: Path) -> None:
    for file in folder.iterdir():
        if file.name != "mean.npy":
            file.unlink()
    cls.load(self, folder)


_loading("loads_a_missing_file", _if_there)
_loading("raises_a_bare_error", _bare)
_loading("ignores_extra_files", _lenient)


@kill("decodes_the_same_anywhere", "toy.codec")
def decodes_at_random(cls: Any) -> type:
    return type(
        "Codec", (cls,), {"decode": lambda s, code: _plus(cls.decode(s, code), next(COUNTER))}
    )


@kill("decoding_is_what_encoding_meant", "toy.codec")
def decodes_from_memory(cls: Any) -> type:
    def encode(self: Any, image: Image) -> Artifact:
        self.seen = image
        found: Artifact = cls.encode(self, image)
        return found

    def decode(self: Any, code: Artifact) -> Image:
        found: Image = getattr(self, "seen", None) or cls.decode(self, code)
        return found

    return type("Codec", (cls,), {"encode": encode, "decode": decode})


def _decoding(name: str, decode: Any) -> None:
    def make(cls: Any) -> type:
        return type("Codec", (cls,), {"decode": lambda s, code: decode(cls, s, code)})

    make.__name__ = name
    MUTANTS.append(("damage_is_corrupt_data", "toy.codec", make))


def _anything(cls: Any, self: Any, code: Artifact) -> Image:
    try:
        found: Image = cls.decode(self, code)
    except InvalidInput:
        return Image(np.zeros((1, 1, 1), np.uint8))
    return found


def _raw(cls: Any, self: Any, code: Artifact) -> Image:
    try:
        found: Image = cls.decode(self, code)
    except InvalidInput as error:
        raise IndexError("list index out of range") from error
    return found


def _prefix(cls: Any, self: Any, code: Artifact) -> Image:
    for size in range(len(code.data), 0, -1):
        try:
            found: Image = cls.decode(self, Artifact(code.data[:size], code.media_type))
        except InvalidInput:
            continue
        return found
    return cls.decode(self, code)  # type: ignore[no-any-return]


_decoding("decodes_anything", _anything)
_decoding("raises_an_index_error", _raw)
_decoding("ignores_what_follows", _prefix)


# --- schedules ---


def _values(name: str, check: str, ref: str, spoil: Any) -> None:
    def make(cls: Any) -> type:
        return type("Mutant", (cls,), {"values": lambda s, xs: spoil(cls.values(s, xs), xs)})

    make.__name__ = name
    MUTANTS.append((check, ref, make))


def _each(change: Any) -> Any:
    return lambda table, xs: {n: change(v, xs) for n, v in table.items()}


_values(
    "not_a_number_somewhere",
    "total_finite_and_pure",
    "toy.ramp",
    _each(lambda v, x: np.where(v > 0.5, np.nan, v)),
)
_values(
    "infinite_somewhere",
    "total_finite_and_pure",
    "toy.ramp",
    _each(lambda v, x: np.where(v > 0.5, np.inf, v)),
)
_values(
    "depends_on_its_neighbours",
    "total_finite_and_pure",
    "toy.ramp",
    _each(lambda v, x: v - v.mean()),
)
_values(
    "depends_on_the_order", "total_finite_and_pure", "toy.ramp", _each(lambda v, x: np.cumsum(v))
)
_values("one_value_too_few", "total_finite_and_pure", "toy.ramp", _each(lambda v, x: v[:-1]))
_values("no_values", "total_finite_and_pure", "toy.ramp", lambda table, xs: {})
_values("rises_and_falls", "never_turns", "toy.ramp", _each(lambda v, x: np.sin(3 * v)))
_values(
    "overshoots", "stays_between_its_ends", "toy.ramp", _each(lambda v, x: v + np.sin(np.pi * v))
)
_values("falls_below_zero", "never_negative", "shares", _each(lambda v, x: v - 0.2))
_values("shares_of_more_than_all", "shares_sum_to_one", "shares", _each(lambda v, x: v * 1.01))
_values(
    "a_negative_share",
    "shares_sum_to_one",
    "shares",
    lambda t, xs: {"new": t["new"] + 1, "old": t["old"] - 1},
)
_values("variance_leaks", "squares_sum_to_one", "waves", _each(lambda v, x: v * 0.99))
_values("no_sigma", "squares_sum_to_one", "waves", lambda t, xs: {"alpha": t["alpha"]})
_values("drifts", "repeats", "waves", _each(lambda v, x: v + 1e-3 * x))
variant("repeats", "waves", "wrong_period", period=8.0, values=lambda s, xs: {"alpha": np.cos(xs)})
variant(
    "outside_is_an_error",
    "toy.ramp",
    "answers_everywhere",
    table=lambda s, xs: s.values(np.asarray(xs, float)),
)
variant(
    "outside_is_an_error", "toy.ramp", "an_empty_domain", domain=property(lambda s: Domain(3, 3))
)


# --- renderers ---

variant("media_type_is_true", "html", "says_png", media_type="image/png")
variant("media_type_is_true", "html", "no_html_at_all", render=lambda s, items: b"just text")
variant(
    "media_type_is_true",
    "html",
    "not_utf_8",
    media_type="text/plain",
    render=lambda s, items: b"\xff\xfe",
)
variant("media_type_is_true", "html", "no_media_type", media_type="html")
variant("hostile_text_stays_text", "html", "does_not_escape",
        render=lambda s, items: ("<!doctype html>" + "".join(items)).encode())  # fmt: skip
variant("hostile_text_stays_text", "html", "escapes_scripts_only",
        render=lambda s, items: ("<!doctype html>" + "".join(items).replace("script", "")).encode())  # fmt: skip
variant("nothing_is_no_crash", "html", "needs_an_item",
        render=lambda s, items: ("<!doctype html>" + items[0]).encode())  # fmt: skip


# --- evaluators ---


def _report(
    name: str, check: str, ref: str, spoil: Callable[[Report, tuple[Any, ...]], Report]
) -> None:
    def make(cls: Any) -> type:
        def evaluate(self: Any, **inputs: Any) -> Report:
            inputs.pop("ctx")
            return spoil(cls.evaluate(self, **inputs), tuple(inputs.values()))

        return type("Mutant", (cls,), {"evaluate": evaluate})

    make.__name__ = name
    MUTANTS.append((check, ref, make))


def _measures(change: Callable[[Measure], Measure]) -> Any:
    return lambda report, given: replace(report, measures=tuple(map(change, report.measures)))


def _zero(m: Measure) -> Measure:
    return m if m.value is not None else replace(m, value=0.0, reason="")


_report(
    "one_measure_twice",
    "measures_are_well_formed",
    "toy.judge",
    lambda r, g: replace(r, measures=r.measures * 2),
)
_report("says_nothing", "measures_are_well_formed", "toy.judge", lambda r, g: Report())
_report(
    "rests_on_nothing",
    "measures_are_well_formed",
    "toy.judge",
    _measures(lambda m: replace(m, n=0)),
)
_report("a_number_as_text", "measures_are_well_formed", "toy.judge",
        _measures(lambda m: replace(m, value=None if m.value is None else _text(m.value))))  # fmt: skip
_report("direction_turned_round", "degradation_shows", "toy.judge",
        _measures(lambda m: replace(m, direction={"up": "down", "down": "up"}.get(m.direction, "none"))))  # fmt: skip
_report("notices_nothing", "degradation_shows", "toy.judge",
        _measures(lambda m: replace(m, value=None if m.value is None else 0.5)))  # fmt: skip
_report("prefers_the_opposite", "identical_is_ideal", "toy.judge",
        _measures(lambda m: replace(m, value=None if m.value is None else -m.value)))  # fmt: skip
_report("missing_becomes_zero", "missing_is_none_with_a_reason", "toy.judge", _measures(_zero))
_report(
    "missing_becomes_zero_in_psnr", "missing_is_none_with_a_reason", "toy.psnr", _measures(_zero)
)
_report("says_the_last_one", "order_does_not_matter", "total",
        lambda r, g: Report((Measure(name="last", value=g[0][-1].value.measures[0].value),)))  # fmt: skip
_report("weighs_by_position", "order_does_not_matter", "total",
        lambda r, g: Report((Measure(name="m", value=sum(i * x.value.measures[0].value for i, x in enumerate(g[0]))),)))  # fmt: skip
_report("passes_on_little", "less_evidence_never_passes", "toy.gate",
        lambda r, g: Report(verdict=Verdict("pass")) if len(g[0]) < 2 else r)  # fmt: skip
_report("passes_on_nothing", "less_evidence_never_passes", "toy.gate",
        lambda r, g: Report(verdict=Verdict("pass")) if not g[0] else r)  # fmt: skip
variant("less_evidence_never_passes", "toy.gate", "looks_at_the_present_only", evaluate=lambda self, evidence=(): Report(
    verdict=Verdict("pass" if all(m.value is not None and self._holds(m.value) for i in evidence for m in i.value.measures) else "fail")
))  # fmt: skip
variant(
    "shards_merge_to_the_whole", "total", "forgets_the_right", merge=lambda s, left, right: left
)
variant("shards_merge_to_the_whole", "total", "averages_averages",
        merge=lambda s, a, b: (a[0] / max(a[1], 1) + b[0] / max(b[1], 1), 2))  # fmt: skip
variant("shards_merge_to_the_whole", "total", "counts_calls_not_items",
        update=lambda s, state, items: (state[0] + sum(i.value.measures[0].value for i in items), state[1] + 1))  # fmt: skip


class _text(str):
    """Text that pretends to be a number."""

    def __new__(cls, value: float) -> _text:
        return super().__new__(cls, value)

    def __float__(self) -> float:
        return 0.0


# --- alone and together, one way and the other ---


def _padded(self: Any, sequences: Any) -> list[Any]:
    longest = max(map(len, sequences))
    return [np.float64(np.sum(s) / longest) for s in sequences]


def _centred(self: Any, sequences: Any) -> list[Any]:
    means = np.array([np.mean(s) for s in sequences])
    return list(means - means.mean())


def _in_order_of_length(self: Any, sequences: Any) -> list[Any]:
    return [np.float64(np.mean(s)) for s in sorted(sequences, key=len)]


def _forgets_the_last(self: Any, sequences: Any) -> list[Any]:
    return [np.float64(np.mean(s)) for s in sequences][: max(1, len(sequences) - 1)]


for _spoilt_scores in (_padded, _centred, _in_order_of_length, _forgets_the_last):
    variant("a_batch_changes_nothing", "scorer",
            _spoilt_scores.__name__.strip("_"), logprobs=_spoilt_scores)  # fmt: skip


def _drops_a_row(self: Any, x: Any) -> Any:
    return np.float64(np.sum(x if self.config.backend == "plain" else x[:-1]))


def _rounds(self: Any, x: Any) -> Any:
    return np.float64(np.sum(x) * (1 if self.config.backend == "plain" else 1.001))


def _not_a_number(self: Any, x: Any) -> Any:
    return np.float64(np.sum(x) if self.config.backend == "plain" else np.nan)


for _spoilt_sum in (_drops_a_row, _rounds, _not_a_number):
    variant("backends_agree", "sum", _spoilt_sum.__name__.strip("_"), apply=_spoilt_sum)


# --- the tests ---


@pytest.fixture(autouse=True)
def same_world() -> Any:
    """Mutants spoil the world; the next test finds it as it was."""
    here, settings, options = Path.cwd(), np.geterr(), np.get_printoptions()
    yield
    os.chdir(here)
    np.seterr(**settings)
    np.set_printoptions(**{k: v for k, v in options.items() if k != "override_repr"})  # type: ignore[arg-type]
    for name in ("TOY", "TOY_MADE"):
        os.environ.pop(name, None)


def test_there_are_enough() -> None:
    assert len(MUTANTS) >= 60
    assert len({(check, ref, make.__name__) for check, ref, make in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize(("check", "ref"), sorted({(check, ref) for check, ref, _ in MUTANTS}))
def test_the_correct_component_passes(check: str, ref: str) -> None:
    assert run(check, correct(ref)).status == "passed"


@pytest.mark.parametrize(
    ("check", "ref", "make"), MUTANTS, ids=lambda v: v if isinstance(v, str) else v.__name__
)
def test_the_mutant_is_killed(check: str, ref: str, make: Make) -> None:
    subject = correct(ref)
    try:
        made = make(subject.cls)
        mutant = replace(subject, cls=made)
    except (AttributeError, TypeError):
        mutant = make(subject)
    result = run(check, mutant)
    assert result.status == "failed" and result.message, (check, result)
    # killed by what it does wrong, not because it could not be called
    assert not result.message.startswith(("TypeError", "AttributeError", "NameError")), result
