"""Checks of datasets."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
from pathlib import Path
from typing import Any

from interleaf.errors import InvalidInput
from interleaf.interfaces import Dataset
from interleaf.params import role_of
from interleaf.pipeline.fieldtypes import fields_of
from interleaf.pipeline.freeze import digest_values
from interleaf.testing.registry import check, ensure
from interleaf.testing.subject import Skip, Subject, temporary

_GONE = object()  # stands for an item that one of two iterations lacks


def opened(subject: Subject, config: Any) -> list[Any]:
    """The dataset of a configuration, opened with each of its example inputs."""
    calls = subject.spec.calls
    inputs = subject.inputs("open") if "open" in calls else ({},)
    return [subject.make(config).open(**i) for i in inputs]  # type: ignore[attr-defined]


def all_opened(subject: Subject) -> list[Any]:
    """Every example."""
    return [data for config in subject.examples.configs for data in opened(subject, config)]


def content(data: Any) -> str:
    """A digest of ids and items."""
    return digest_values(data.items())


@check(Dataset)
def iterates_again_equally(subject: Subject, tries: int) -> None:
    """Iterating twice, or twice at the same time, gives equal items."""
    for data in all_opened(subject):
        first = content(data)
        ensure(content(data) == first, "a second iteration differs")
        for index, (a, b) in enumerate(itertools.zip_longest(data, data, fillvalue=_GONE)):
            ensure(
                a is not _GONE and b is not _GONE,
                f"of two iterations at a time one ends at item {index}",
            )
            ensure(_same(a, b), f"two iterations at a time disagree at item {index}")


def _same(a: Any, b: Any) -> bool:
    return digest_values([("x", a)]) == digest_values([("x", b)])


@check(Dataset)
def ids_name_the_items(subject: Subject, tries: int) -> None:
    """As many ids as items, all text, all different."""
    for data in all_opened(subject):
        ids = list(data.ids())
        ensure(all(isinstance(i, str) and i for i in ids), "ids are not all non-empty text")
        ensure(len(set(ids)) == len(ids), "an id stands twice")
        ensure(len(ids) == sum(1 for _ in data), "there are not as many ids as items")


@check(Dataset)
def fingerprint_is_of_the_content(subject: Subject, tries: int) -> None:
    """Equal for two instances; different where the content differs; the same in another folder."""
    seen: dict[str, str] = {}
    for config in subject.examples.configs:
        for data, again in zip(opened(subject, config), opened(subject, config), strict=True):
            mark = data.fingerprint()
            ensure(isinstance(mark, str) and mark, "the fingerprint is not text")
            ensure(again.fingerprint() == mark, "two instances have different fingerprints")
            ensure(data.fingerprint() == mark, "the fingerprint changes with use")
            known = seen.setdefault(mark, content(data))
            ensure(known == content(data), "different content has one fingerprint")


@check(Dataset)
def fingerprint_sees_every_byte(subject: Subject, tries: int) -> None:
    """Moving the files changes nothing; a changed byte that changes an item shows."""
    config = subject.examples.configs[0]
    fields = [n for n, (a, _) in fields_of(subject.cls.Config).items() if role_of(a) == "infile"]
    if not fields:
        raise Skip("reads no files")
    for field in fields:
        with temporary() as folder:
            source = Path(getattr(config, field))
            moved = folder / source.name
            copy = shutil.copytree if source.is_dir() else shutil.copyfile
            copy(source, moved)
            there = dataclasses.replace(config, **{field: str(moved)})
            before = _mark(subject, config)
            ensure(_mark(subject, there) == before, f"moving '{field}' changes the fingerprint")
            seen: list[bool | None] = []
            for file in _files(moved):  # a folder may hold files that are not read
                seen += [_flipped(subject, there, file, part / 5) for part in range(5)]
                if any(seen):
                    break
            ensure(None not in seen, "different content has the fingerprint of the original")
            ensure(any(seen), "no changed byte changes the content")


def _files(moved: Path) -> list[Path]:
    return [f for f in sorted(moved.rglob("*")) if f.is_file()] if moved.is_dir() else [moved]


def _flipped(subject: Subject, config: Any, file: Path, part: float) -> bool | None:
    """Flip one bit of a file: None when only the content changes, else whether it does."""
    before = _mark(subject, config), _content(subject, config)
    whole = file.read_bytes()
    data = bytearray(whole)
    data[int(len(data) * part)] ^= 1
    file.write_bytes(data)
    after = _mark(subject, config), _content(subject, config)
    file.write_bytes(whole)
    if after[1] == before[1]:
        return False
    return None if after[0] == before[0] else True


def _content(subject: Subject, config: Any) -> str:
    try:
        return "".join(content(d) for d in opened(subject, config))
    except InvalidInput:
        return "refused"


def _mark(subject: Subject, config: Any) -> str:
    try:
        return "".join(d.fingerprint() for d in opened(subject, config))
    except InvalidInput:
        return "refused"


@check(Dataset, "Sized")
def length_agrees(subject: Subject, tries: int) -> None:
    """``len`` is the number of items."""
    for data in all_opened(subject):
        ensure(len(data) == sum(1 for _ in data), "len does not agree with iteration")


@check(Dataset, "Indexed")
def index_agrees(subject: Subject, tries: int) -> None:
    """``data[i]`` is the i-th item, in any order; beyond the end is IndexError."""
    for data in all_opened(subject):
        items = list(data)
        for index in reversed(range(len(items))):
            ensure(_same(data[index], items[index]), f"item {index} differs from iteration")
        try:
            data[len(items)]
        except IndexError:
            continue
        ensure(False, "an index beyond the end is not an IndexError")


@check(Dataset, "Resumable")
def resumes_anywhere(subject: Subject, tries: int) -> None:
    """State taken after any item, resumed in a new instance, gives exactly the rest."""
    for config in subject.examples.configs:
        for number, data in enumerate(opened(subject, config)):
            items = list(data)
            for taken in _places(len(items), tries):
                before, after = opened(subject, config)[number], opened(subject, config)[number]
                head = list(itertools.islice(before, taken))
                after.resume(before.state())
                rest = list(after)
                ensure(
                    len(head) + len(rest) == len(items),
                    f"resumed after {taken}: items are lost or doubled",
                )
                same = all(_same(a, b) for a, b in zip([*head, *rest], items, strict=True))
                ensure(same, f"resumed after {taken}: the rest differs")


def _places(count: int, tries: int) -> list[int]:
    step = max(1, (count + 1) // tries)
    return [*range(0, count + 1, step)]


@check(Dataset, "Split")
def splits_are_disjoint(subject: Subject, tries: int) -> None:
    """No id stands in two parts, and no item does."""
    ensure(subject.examples.splits, "examples() names no splits")
    for data in all_opened(subject):
        owner: dict[str, str] = {}
        for name in subject.examples.splits:
            for item_id, item in data.split(name).items():
                for mark in (f"id {item_id}", digest_values([("x", item)])):
                    ensure(owner.setdefault(mark, name) == name, f"{item_id} stands in two splits")
