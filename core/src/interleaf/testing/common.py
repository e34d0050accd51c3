"""Checks of every component."""

from __future__ import annotations

import copy
import dataclasses
import os
import random
import sys
from pathlib import Path
from typing import Any

from interleaf.errors import InterleafError, Problem
from interleaf.pipeline.freeze import Freezer, Thawer, digest_values
from interleaf.pipeline.params import build, check_params, fields_of, plain, port_interface
from interleaf.plugin import CALLS, CAPABILITIES, Call
from interleaf.registry.live import config_type
from interleaf.testing.registry import check, ensure
from interleaf.testing.subject import Impatient, Skip, Stop, Subject, digest, plain_model, temporary


@check()
def has_examples(subject: Subject, tries: int) -> None:
    """There is a configuration, and inputs for every call that needs some."""
    ensure(subject.examples.configs, "examples() gives no configs")
    for name, call in subject.spec.calls.items():
        ensure(
            not name or name in subject.examples.calls or not call.needs,
            f"examples() gives no inputs for the call '{name}'",
        )


@check()
def config_is_frozen(subject: Subject, tries: int) -> None:
    """``Config`` is a frozen, slotted, keyword-only dataclass, the one the descriptor names."""
    cls = subject.cls.Config
    ensure(dataclasses.is_dataclass(cls), "Config is not a dataclass")
    ensure(cls.__dataclass_params__.frozen, "Config is not frozen")  # type: ignore[attr-defined]
    ensure("__slots__" in vars(cls), "Config has no slots")
    ensure(all(f.kw_only for f in dataclasses.fields(cls)), "Config is not keyword-only")
    declared = config_type(subject.ref, subject.spec)
    ensure(cls is declared, f"the descriptor names {declared.__qualname__}, the class has {cls}")


@check()
def config_round_trips(subject: Subject, tries: int) -> None:
    """A configuration written as plain data is read back equal; unknown keys are refused."""
    for config in subject.examples.configs:
        ensure(isinstance(config, subject.cls.Config), f"{config!r} is no Config of this component")
        known = fields_of(subject.cls.Config)
        ports = {n: getattr(config, n) for n, (a, _) in known.items() if port_interface(a)}
        raw = {n: plain(getattr(config, n)) for n in known if n not in ports}
        values, problems = _read(subject, raw)
        ensure(not problems, f"{raw} is refused: {', '.join(map(str, problems))}")
        again = build(subject.cls.Config, values, ports)
        ensure(again == config, f"{config} comes back as {again}")
        strange = {**raw, "no_such_parameter": 1}
        codes = [p.code for p in _read(subject, strange)[1]]
        ensure(codes == ["E301"], f"an unknown parameter gives {codes}, expected E301")


def _read(subject: Subject, raw: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    problems: list[Problem] = []

    def complain(code: str, path: str, message: str, hint: str) -> None:
        problems.append(Problem(code, message, path, hint=hint))

    found = check_params(raw, [subject.cls.Config], "with", lambda path: Path.cwd(), complain)
    return found[0], problems


@check()
def code_is_as_declared(subject: Subject, tries: int) -> None:
    """Interface, methods and capabilities are those of the descriptor."""
    interface = subject.spec.interface
    ensure(issubclass(subject.cls, interface), f"{subject.cls.__name__} is no {interface.__name__}")
    for name in subject.spec.calls:
        known = CALLS[interface]
        ensure(name in known, f"a {interface.__name__} has no call '{name}'")
        inherited = getattr(interface, name, None)
        own = getattr(subject.cls, name, None)
        ensure(
            own is not None and (own is not inherited or interface.__name__ == "Dataset"),
            f"the descriptor declares '{name}', the class does not implement it",
        )
    methods = {
        "Sized": ["__len__"], "Indexed": ["__len__", "__getitem__"], "Resumable": ["state", "resume"],
        "Split": ["split"], "Trainable": ["fit"], "Generative": ["generate"], "Scored": ["logprobs"],
        "Codec": ["encode", "decode"], "Chat": ["reply"],
        "Streaming": ["start", "update", "merge", "finish"],
    }  # fmt: skip
    for capability in subject.spec.capabilities:
        known = CAPABILITIES[interface]
        ensure(
            capability in known,
            f"'{capability}' is no capability of a {interface.__name__}: {', '.join(known)}",
        )
        for method in methods.get(capability, ()):
            ensure(hasattr(subject.cls, method), f"{capability} is declared, {method} is missing")


@check()
def constructor_only_stores(subject: Subject, tries: int) -> None:
    """Making an instance keeps the configuration it was given and changes nothing else."""
    for config in subject.examples.configs:
        before = _world()
        component = subject.make(config)
        ensure(component.config is config, "the instance does not keep its config")
        ensure(_world() == before, "making an instance changes global state")


@check()
def gives_what_it_declares(subject: Subject, tries: int) -> None:
    """Every call gives values of the declared kinds, which the store keeps without loss."""
    for config, name, inputs in _cases(subject):
        outputs = subject.call(subject.ready(config, name), name, inputs)
        for port, value in outputs.items():
            if "model" in subject.gives(name).get(port, ""):
                continue
            with temporary() as folder:
                back = thawed(folder, Freezer(folder).tree(value))
                ensure(
                    digest_values([(port, back)]) == digest_values([(port, value)]),
                    f"output '{port}' of '{name}' changes in the store",
                )


def thawed(folder: Path, tree: Any) -> Any:
    """The value of a tree whose files lie in ``folder``."""

    def read(name: str) -> bytes:
        return (folder / name).read_bytes()

    def fetch(key: str, port: str) -> Any:
        raise KeyError(key)

    return Thawer(folder, read, fetch).value(tree)


@check()
def same_seed_same_bytes(subject: Subject, tries: int) -> None:
    """Two new instances with one seed give equal bytes."""
    if not subject.spec.deterministic:
        raise Skip("not declared deterministic")
    for config, name, inputs in _cases(subject):
        first, second = (subject.digest(config, name, inputs) for _ in range(2))
        ensure(first == second, f"'{name}' gives different bytes for one seed")


@check()
def instances_are_independent(subject: Subject, tries: int) -> None:
    """What one instance did does not show in another, nor in its own next call."""
    if not subject.spec.deterministic:
        raise Skip("not declared deterministic")
    cases = list(_cases(subject))
    fresh = [subject.digest(*case) for case in cases]
    for i, ((config, name, inputs), expected) in enumerate(zip(cases, fresh, strict=True)):
        used = subject.ready(config, name)
        others = [c for c in (*cases[i + 1 :], *cases[: i + 1]) if c[1] == name]
        subject.call(used, *others[0][1:])
        found = digest(subject.call(used, name, inputs))
        ensure(found == expected, f"'{name}' depends on what was called before")
        found = subject.digest(config, name, inputs)
        ensure(found == expected, f"'{name}' depends on what other instances did")


@check()
def leaves_the_world_alone(subject: Subject, tries: int) -> None:
    """No call touches global random state, working directory, environment or numeric settings."""
    for config, name, inputs in _cases(subject):
        component = subject.ready(config, name)
        before = _world()
        subject.call(component, name, inputs)
        after = _world()
        changed = [k for k in before if before[k] != after[k]]
        ensure(not changed, f"'{name}' changes {', '.join(changed)}")


@check()
def leaves_inputs_alone(subject: Subject, tries: int) -> None:
    """No call changes the values it is given."""
    for config, name, inputs in _cases(subject):
        before = {k: _digest_or_repr(v) for k, v in inputs.items()}
        subject.call(subject.ready(config, name), name, inputs)
        for key, value in inputs.items():
            ensure(_digest_or_repr(value) == before[key], f"'{name}' changes its input '{key}'")


@check()
def a_killed_call_ends_the_same(subject: Subject, tries: int) -> None:
    """A call that was killed at any progress and made again gives what an undisturbed one gives."""
    if not subject.spec.deterministic:
        raise Skip("not declared deterministic")
    told = 0
    for config, name, inputs in _cases(subject):
        counting = Impatient(0)
        expected = subject.digest(config, name, inputs, monitor=counting)
        told += counting.count
        for after in sorted({1, (counting.count + 1) // 2, counting.count} - {0}):
            with temporary() as resume:
                try:
                    monitor = Impatient(after)
                    subject.digest(config, name, inputs, resume=resume, monitor=monitor)
                except Stop:
                    pass
                found = subject.digest(config, name, inputs, resume=resume)
            ensure(found == expected, f"'{name}', killed at progress {after}, ends differently")
    if not told:
        raise Skip("tells no progress")


def _cases(subject: Subject) -> list[tuple[Any, str, Any]]:
    cases = list(subject.cases())
    if not cases:
        raise Skip("has no calls")
    return cases


def _digest_or_repr(value: Any) -> str:
    from interleaf.interfaces import Dataset, Schedule
    from interleaf.values import Item

    if isinstance(value, Dataset):
        return value.fingerprint()
    if isinstance(value, Schedule):
        return repr(value.config)
    if isinstance(value, list | tuple):  # what a ``*`` port receives
        return " ".join(_digest_or_repr(v.value if isinstance(v, Item) else v) for v in value)
    return digest_values([("x", plain_model(value))])


def _world() -> dict[str, Any]:
    """Global state that no component may touch."""
    import numpy as np

    found: dict[str, Any] = {
        "random's state": random.getstate(),
        "numpy's random state": repr(np.random.get_state()),
        "numpy's error settings": np.geterr(),
        "numpy's print options": repr(np.get_printoptions()),
        "the working directory": os.getcwd(),
        "the environment": dict(os.environ),
    }
    torch = sys.modules.get("torch")
    if torch is not None:
        found["torch's default dtype"] = torch.get_default_dtype()
        found["torch's threads"] = torch.get_num_threads()
        found["torch's random state"] = torch.random.get_rng_state().numpy().tobytes()
    return copy.deepcopy(found)


@check()
def any_value_is_taken_or_refused(subject: Subject, tries: int) -> None:
    """Whatever fits a port gives a result or one InterleafError: never a bare exception."""
    tried = [
        _try_anything(subject, config, name, tries)
        for config in subject.examples.configs
        for name, call in subject.calls.items()
        if not call.params and name != "decode"
    ]
    if not any(tried):
        raise Skip("no call takes only values that can be made up")


def _try_anything(subject: Subject, config: Any, name: str, tries: int) -> bool:
    """Call with drawn values; False where a port's values cannot be made up."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st

    drawn = _inputs(subject.spec.calls[name])
    if drawn is None:
        return False

    @settings(
        max_examples=tries, deadline=None, database=None, derandomize=True,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink],
    )  # fmt: skip
    @given(st.fixed_dictionaries(drawn[0], optional=drawn[1]))
    def attempt(inputs: dict[str, Any]) -> None:
        try:
            subject.call(subject.make(config), name, inputs)
        except InterleafError:
            return

    attempt()
    return True


def _inputs(call: Call) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """Strategies of the required and the optional inputs; None where one cannot be made up."""
    from interleaf.testing.strategies import gathered, values

    required: dict[str, Any] = {}
    optional: dict[str, Any] = {}
    for name, port in call.ports.items():
        found = gathered(port.type) if port.many else values(port.type)
        if found is None and not port.optional:
            return None
        if found is not None:
            (optional if port.optional else required)[name] = found
    return (required, optional) if required or optional else None
