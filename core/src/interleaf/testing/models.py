"""Checks of models and codecs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import CorruptData, InterleafError
from interleaf.interfaces import Model
from interleaf.testing.registry import check, ensure
from interleaf.testing.subject import SEED, Skip, Subject, digest, saved, temporary
from interleaf.values import Artifact


def with_memory(subject: Subject) -> Iterator[tuple[Any, Any]]:
    """Configurations and live models that have something to save."""
    if subject.cls.save is Model.save:  # type: ignore[attr-defined]
        raise Skip("saves nothing")
    for config in subject.examples.configs:
        if "fit" not in subject.calls:
            yield config, subject.make(config)
        for inputs in subject.inputs("fit") if "fit" in subject.calls else ():
            fitted = subject.call(subject.make(config), "fit", inputs).get("model")
            if isinstance(fitted, subject.cls):
                yield config, fitted


@check(Model)
def saves_and_loads_exactly(subject: Subject, tries: int) -> None:
    """What was saved and loaded saves the same bytes, and its calls give the same bytes."""
    for config, model in with_memory(subject):
        again = subject.make(config)
        with temporary() as first, temporary() as second:
            model.save(first)
            again.load(first)  # type: ignore[attr-defined]
            again.save(second)  # type: ignore[attr-defined]
            ensure(saved(first) == saved(second), "saving what was loaded gives other bytes")
        for name in subject.calls:
            for inputs in subject.inputs(name) if name != "fit" else ():
                expected = digest(subject.call(model, name, inputs))
                found = digest(subject.call(again, name, inputs))
                ensure(found == expected, f"'{name}' differs after saving and loading")


@check(Model)
def load_refuses_what_is_not_whole(subject: Subject, tries: int) -> None:
    """A missing, cut or additional file is an InterleafError, never a wrong model."""
    for config, model in with_memory(subject):
        with temporary() as folder:
            model.save(folder)
            names = list(saved(folder))
        for name in names:
            _refused(subject, config, model, f"'{name}' missing", partial(_remove, name))
            _refused(subject, config, model, f"'{name}' cut short", partial(_cut, name))
        _refused(subject, config, model, "a file too many", _add)


def _remove(name: str, folder: Path) -> None:
    (folder / name).unlink()


def _add(folder: Path) -> None:
    (folder / "extra").write_text("x")


def _cut(name: str, folder: Path) -> None:
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[: len(data) // 2])


def _refused(
    subject: Subject, config: Any, model: Any, how: str, spoil: Callable[[Path], Any]
) -> None:
    with temporary() as folder:
        model.save(folder)
        spoil(folder)
        try:
            subject.make(config).load(folder)  # type: ignore[attr-defined]
        except InterleafError:
            return
        except Exception as error:
            ensure(False, f"load with {how} raises {type(error).__name__}: {error}")
    ensure(False, f"load accepts a folder with {how}")


def coded(subject: Subject) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Configurations and what encode gives."""
    for config in subject.examples.configs:
        for inputs in subject.inputs("encode"):
            yield config, subject.call(subject.ready(config, "encode"), "encode", inputs)


def _decode(subject: Subject, config: Any, code: Mapping[str, Any]) -> str:
    ports = subject.spec.calls["decode"].ports
    wanted = {name: code[name] for name in ports if name in code}
    return digest(subject.call(subject.ready(config, "decode"), "decode", wanted))


@check(Model, "Codec")
def decodes_the_same_anywhere(subject: Subject, tries: int) -> None:
    """A code alone decides what is decoded: a new instance gives the same bits each time."""
    for config, code in coded(subject):
        first = _decode(subject, config, code)
        ensure(_decode(subject, config, code) == first, "decoding twice gives different bits")


@check(Model, "Codec")
def decoding_is_what_encoding_meant(subject: Subject, tries: int) -> None:
    """Encoding what was decoded and decoding that gives the same bits: the loss happens once."""
    for config in subject.examples.configs:
        for inputs in subject.inputs("encode"):
            component = subject.ready(config, "encode")
            code = subject.call(component, "encode", inputs)
            ports = subject.spec.calls["decode"].ports
            back = subject.call(component, "decode", {n: code[n] for n in ports if n in code})
            expected = subject.call(
                subject.ready(config, "decode"), "decode", {n: code[n] for n in ports if n in code}
            )
            ensure(digest(back) == digest(expected), "the encoder's instance decodes differently")


@check(Model, "Codec")
def damage_is_corrupt_data(subject: Subject, tries: int) -> None:
    """Cut, altered and foreign bytes raise CorruptData; nothing crashes or hangs."""
    rng = np.random.default_rng(SEED)
    for config, code in coded(subject):
        port = next((n for n, v in code.items() if isinstance(v, Artifact)), "")
        if not port:
            raise Skip("codes are not bytes")
        good = code[port].data
        for how, data in _damaged(good, rng, tries):
            bad = {**code, port: Artifact(data, code[port].media_type)}
            try:
                _decode(subject, config, bad)
            except CorruptData:
                continue
            except Exception as error:
                ensure(False, f"{how} bytes raise {type(error).__name__}: {error}")
            ensure(False, f"{how} bytes are decoded")


def _damaged(good: bytes, rng: np.random.Generator, tries: int) -> Iterator[tuple[str, bytes]]:
    yield "no", b""
    yield "foreign", rng.bytes(len(good))
    for _ in range(tries):
        yield "cut", good[: int(rng.integers(0, len(good)))]
        place, bit = int(rng.integers(0, len(good))), 1 << int(rng.integers(0, 8))
        yield "altered", good[:place] + bytes([good[place] ^ bit]) + good[place + 1 :]
        yield "additional", good + rng.bytes(int(rng.integers(1, 9)))
