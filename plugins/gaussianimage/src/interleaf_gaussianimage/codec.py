"""Pictures as ``.gsi`` bytes: integers to bytes and back. `decoding` draws them, `encoding` finds them.

The payload of ``QNTZ``: log2 of a cell's side u8, colour axes i8 [C, C], mean u8 [C], the background's
step u16, Delta u16 of each layer.
``FREQ``: the tables of all layers as one stream. ``LAYn``: an index, then the streams of the background
(first layer only) and of every block; the index tells lengths in bytes, points, and the reach in px, as
numbers of seven bits a byte, the lowest first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from . import rans, symbols, tables
from .background import nodes
from .format import Header, LimitExceeded, Malformed, Truncated, chunk, chunks
from .kernels import compiled
from .quantising import CLASSES, LARGEST, class_of, position_steps
from .splats import Floats

STEP = 64  # Delta is told in 1/64 of an 8-bit level
AXES = 127  # and colour axes in 1/127
MOST_BLOCKS = 1 << 20
CELLS = (3, 4, 5)


@dataclass(frozen=True)
class Layer:
    """What one layer adds: integers [N, 5 + C] in the order they are written, in steps of ``delta`` / 64.

    Columns: x and y in steps of their own power of two, log l1, log l3, v, amplitudes. ``counts`` is how
    many each block holds; ``reach`` how far, in px, a block's Gaussians are drawn from their centres.
    Without ``tables`` the best ones are chosen.
    """

    delta: int
    integers: Floats
    counts: tuple[int, ...]
    reach: tuple[int, ...]
    tables: Floats | None = None  # [T, 66]


@dataclass(frozen=True)
class Coded:
    """Everything that a file says."""

    header: Header
    cell: int  # log2 of a cell's side in px
    mean: tuple[int, ...]  # [C] 8-bit levels
    basis: Floats  # [C, C] int8, rows are colour axes in 1/127
    step: int  # of the background, in 1/64 of an 8-bit level
    background: Floats  # [I, J, C] integers
    layers: tuple[Layer, ...]
    meta: bytes = b""
    icc: bytes = b""


class Grid(NamedTuple):
    """The blocks of a picture: log2 of their side in px, columns, rows."""

    side: int
    columns: int
    rows: int

    @classmethod
    def of(cls, header: Header) -> Grid:
        """For a header."""
        columns, rows = (((n - 1) >> header.block) + 1 for n in (header.width, header.height))
        return cls(header.block, columns, rows)

    def box(self, header: Header, block: int) -> tuple[int, int, int, int]:
        """x, y, width and height of a block, cut at the picture's edge."""
        row, column = divmod(block, self.columns)
        x, y = column << self.side, row << self.side
        return x, y, min(1 << self.side, header.width - x), min(1 << self.side, header.height - y)


@compiled
def exponents(integers):  # type: ignore[no-untyped-def]
    """[N, 2] powers of two of the steps of x and y."""
    found = np.empty((len(integers), 2), np.int64)
    for n in range(len(integers)):
        norm = 0
        for j in range(5, integers.shape[1]):
            norm += integers[n, j] ** 2
        ex, ey = position_steps(class_of(norm), integers[n, 2], integers[n, 3], integers[n, 4])
        found[n, 0], found[n, 1] = ex, ey
    return found


def ordered(header: Header, cell: int, integers: Floats) -> tuple[Floats, tuple[int, ...]]:
    """Integers in the order of blocks and of cells within them, and how many each block holds."""
    grid = Grid.of(header)
    places = integers[:, :2] >> (cell - exponents(integers))
    shift = header.block - cell
    block = (places[:, 1] >> shift) * grid.columns + (places[:, 0] >> shift)
    order = np.lexsort((*integers.T[::-1], places[:, 0], places[:, 1], block))
    counts = np.bincount(block, minlength=grid.columns * grid.rows)
    return np.ascontiguousarray(integers[order]), tuple(map(int, counts))


def write(coded: Coded) -> bytes:
    """The file; ``write(parse(data)) == data``."""
    h = coded.header
    quantisers = bytes([coded.cell]) + coded.basis.astype(np.int8).tobytes() + bytes(coded.mean)
    quantisers += struct.pack(
        f"<{h.layers + 1}H", coded.step, *(layer.delta for layer in coded.layers)
    )
    table_ops: list[tuple[int, int]] = []
    bodies = []
    for number, layer in enumerate(coded.layers):
        streams = list(_streams(coded, number))
        chosen = _chosen(streams, h.channels) if layer.tables is None else layer.tables
        table_ops += _told(chosen)
        parts = tables.expanded(chosen)[1]
        data = [_words(*_ranges(ops, parts)) for ops in streams]
        index = [] if number else [len(data[0])]
        for n, reach, stream in zip(
            layer.counts, layer.reach, data[1 - bool(number) :], strict=True
        ):
            index += [n, len(stream), reach]
        bodies.append(b"".join([*map(_number, index), *data]))
    whole = [
        h.pack(),
        chunk(b"QNTZ", quantisers),
        chunk(b"FREQ", _words(*zip(*table_ops, strict=True))),
    ]
    whole += [
        chunk(kind, data) for kind, data in ((b"META", coded.meta), (b"ICCP", coded.icc)) if data
    ]
    whole += [chunk(b"LAY%d" % (i + 1), body) for i, body in enumerate(bodies)]
    return b"".join([*whole, chunk(b"END ", b"")])


def _streams(coded: Coded, number: int) -> Iterator[Floats]:
    """Operations [m, 2] of the background, for the first layer, and of every block."""
    layer, channels = coded.layers[number], coded.header.channels
    if number == 0:
        ops = np.empty((2 * coded.background.size + 1, 2), np.int64)
        yield _tellable(ops[: symbols.put_background(coded.background, ops)])
    begin = 0
    for block, n in enumerate(layer.counts):
        mine = layer.integers[begin : begin + n]
        begin += n
        counts = _counts(coded, block, mine)
        ops = np.empty((2 * counts.size + (13 + 2 * channels) * n + 1, 2), np.int64)
        yield _tellable(ops[: symbols.put_block(mine, counts, coded.cell, channels, ops)])


def _tellable(ops: Floats) -> Floats:
    plain = ops[:, 0] < 0
    if (ops[plain, 0] < -symbols.MOST_BITS).any() or (ops[~plain, 1] >> 6).any():
        raise ValueError(f"a value beyond {LARGEST} cannot be told by a file")
    return ops


def _counts(coded: Coded, block: int, integers: Floats) -> Floats:
    x, y, width, height = Grid.of(coded.header).box(coded.header, block)
    counts = np.zeros((((height - 1) >> coded.cell) + 1, ((width - 1) >> coded.cell) + 1), np.int64)
    places = integers[:, :2] >> (coded.cell - exponents(integers))
    corner = np.array([x, y]) >> coded.cell
    np.add.at(counts, tuple((places - corner).T[::-1]), 1)
    return counts


def _groups(channels: int) -> list[range]:
    """Contexts that may share a table with the one before."""
    ends = [0, symbols.COUNTS, symbols.COUNTS + 1]
    ends += [ends[-1] + 4 * (i + 1) for i in range(channels - 1)]
    ends += [ends[-1] + CLASSES * (i + 1) for i in range(3)]
    return [*map(range, ends, ends[1:]), range(ends[-1], ends[-1] + channels)]


def _chosen(streams: Sequence[Floats], channels: int) -> Floats:
    """The tables [T, 66] that make these streams, and themselves, shortest; neighbours may share one."""
    found = np.zeros((symbols.contexts(channels), rans.SYMBOLS), np.int64)
    for ops in streams:
        symbols.histograms(ops, len(ops), found)
    chosen: list[Floats] = []
    for group in _groups(channels):
        runs: list[
            tuple[int, Floats, Floats, float]
        ] = []  # how many contexts, their counts, table, bits
        for context in group:
            runs.append((1, found[context], *tables.best(found[context])))
            while len(runs) > 1:
                joined = runs[-2][1] + runs[-1][1]
                table, bits = tables.best(joined)
                if bits > runs[-2][3] + runs[-1][3]:
                    break
                runs[-2:] = [(runs[-2][0] + runs[-1][0], joined, table, bits)]
        chosen += [table for count, _, table, _ in runs for _ in range(count)]
    return np.array(chosen)


def _ranges(ops: Floats, parts: Floats) -> tuple[Floats, Floats]:
    starts, sizes = np.empty(len(ops), np.int64), np.empty(len(ops), np.int64)
    symbols.ranges(ops, len(ops), parts, starts, sizes)
    return starts, sizes


def _words(starts: Sequence[int] | Floats, sizes: Sequence[int] | Floats) -> bytes:
    """The stream of symbols given by their parts of 4096."""
    out = np.zeros(len(starts) + 2, np.uint16)
    begin = rans.encode(np.asarray(starts, np.int64), np.asarray(sizes, np.int64), out)
    return out[begin:].astype("<u2").tobytes()


def _told(chosen: Floats) -> list[tuple[int, int]]:
    """(start, size) of what tells the tables, as `tables.read` reads it."""
    ops: list[tuple[int, int]] = []
    starts = np.cumsum(tables.CHANGES) - tables.CHANGES
    for t, (first, length, *levels) in enumerate(chosen.tolist()):
        same = t > 0 and (chosen[t] == chosen[t - 1]).all()
        ops.append((2048 if same else 0, 2048))
        if not same:
            ops += [(first << 6, 64), (length << 5, 32)]
            for change in np.diff(levels[:length], prepend=tables.FIRST_LEVEL) + rans.LEVELS - 1:
                ops.append((int(starts[change]), int(tables.CHANGES[change])))
    return ops


class Stream:
    """Words that are being read."""

    def __init__(self, data: bytes, what: str) -> None:
        if len(data) < 4 or len(data) % 2:
            raise Malformed(f"{what} of {len(data)} bytes")
        self.what = what
        self.words = np.append(
            np.frombuffer(data, "<u2"), np.uint16(0)
        )  # what is read past the end
        self.state = int(self.words[0]) | int(self.words[1]) << 16
        if self.state < rans.LOW:
            raise Malformed(f"{what} begins impossibly")

    def close(self, x: int, at: int) -> None:
        """All was read, and what was read is what was written."""
        if x != rans.LOW or at != len(self.words) - 1:
            raise Malformed(f"{self.what} does not end where it should")


def _number(value: int) -> bytes:
    found = bytearray()
    while value > 127:
        found.append(value & 127 | 128)
        value >>= 7
    return bytes([*found, value])


def _numbers(data: bytes, count: int) -> tuple[list[int], int]:
    """``count`` numbers, and where they end."""
    found, at = [], 0
    for _ in range(count):
        value, shift = 0, 0
        while True:
            if at >= len(data) or shift > 28:
                raise Malformed("the index of a layer is cut off")
            value |= (data[at] & 127) << shift
            shift += 7
            at += 1
            if not data[at - 1] & 128:
                break
        found.append(value)
    return found, at


@dataclass(frozen=True)
class Parsed:
    """A file whose blocks are not decoded yet."""

    header: Header
    cell: int
    mean: tuple[int, ...]
    basis: Floats
    step: int
    deltas: tuple[int, ...]
    tables: tuple[Floats, ...]  # [T, 66] by layer
    background: Floats
    blocks: tuple[tuple[tuple[int, int, bytes], ...], ...]  # (points, reach, stream), by layer
    meta: bytes
    icc: bytes
    sizes: dict[str, int]

    def integers(self, layer: int, block: int, parts: tuple[Floats, Floats]) -> Floats:
        """[n, 5 + C] of one block of a layer, ``parts`` being its tables `expanded`."""
        points, _, data = self.blocks[layer][block]
        stream = Stream(data, f"block {block} of layer {layer + 1}")
        x, y, width, height = Grid.of(self.header).box(self.header, block)
        counts = np.zeros(
            (((height - 1) >> self.cell) + 1, ((width - 1) >> self.cell) + 1), np.int64
        )
        if points > 8 * len(data) + 64:
            raise LimitExceeded(f"{points} Gaussians in {len(data)} bytes")
        found = np.zeros((points, 5 + self.header.channels), np.int64)
        sound, *end = symbols.take_block(
            stream.state, 2, stream.words, parts, counts, self.cell, x >> self.cell, y >> self.cell,
            self.header.channels, found,
        )  # fmt: skip
        if not sound:
            raise Malformed(f"{stream.what} says something impossible")
        stream.close(*end)
        return found


def open_file(data: bytes, *, partial: bool = False) -> Parsed:
    """Check a file and read all but its blocks; with ``partial`` one that ends early gives whole layers."""
    header = Header.read(data)
    found: dict[bytes, bytes] = {}
    try:
        for kind, payload in chunks(data):
            if kind in found:
                raise Malformed(f"two chunks {kind.decode()}")
            found[kind] = payload
    except Truncated:
        if not partial or b"LAY1" not in found:
            raise
    layers = [b"LAY%d" % (i + 1) for i in range(header.layers)]
    there = [name for name in layers if name in found]
    for kind in (b"QNTZ", b"FREQ", *(layers if not partial else layers[:1])):
        if kind not in found:
            raise Malformed(f"no chunk {kind.decode()}")
    if any(kind[:3] == b"LAY" and kind not in layers for kind in found):
        raise Malformed("more layers than the header says")
    c = header.channels
    quantisers = found[b"QNTZ"]
    if len(quantisers) != 1 + c * c + c + 2 * (header.layers + 1) or quantisers[0] not in CELLS:
        raise Malformed("the quantisers are not those of this picture")
    basis = np.frombuffer(quantisers, np.int8, c * c, 1).reshape(c, c)
    mean = tuple(quantisers[1 + c * c : 1 + c * c + c])
    step, *deltas = struct.unpack_from(f"<{header.layers + 1}H", quantisers, 1 + c * c + c)
    if not step or not all(deltas):
        raise Malformed("a step of 0")
    stream = Stream(found[b"FREQ"], "the tables")
    x, at, chosen = stream.state, 2, []
    for _ in layers:
        found_tables, x, at = tables.read(
            x, at, stream.words, symbols.contexts(c), *tables.CHANGE_TABLE
        )
        if found_tables[0, 1] < 0:
            raise Malformed("a table that is none")
        chosen.append(found_tables)
    stream.close(x, at)
    shape = (*nodes(header.height, header.width), c)
    background, blocks = np.zeros(shape, np.int64), []
    for number, name in enumerate(there):
        body = found[name]
        grid = Grid.of(header)
        if grid.columns * grid.rows > MOST_BLOCKS:
            raise LimitExceeded(f"{grid.columns * grid.rows} blocks")
        index, at = _numbers(body, 3 * grid.columns * grid.rows + (number == 0))
        if number == 0:
            length = index.pop(0)
            stream = Stream(body[at : at + length], "the background")
            parts = tables.expanded(chosen[0])
            stream.close(*symbols.take_background(stream.state, 2, stream.words, parts, background))
            at += length
        listed = []
        for points, length, reach in zip(index[::3], index[1::3], index[2::3], strict=True):
            listed.append((points, reach, body[at : at + length]))
            at += length
        if at != len(body):
            raise Malformed(f"the streams of {name.decode()} are not as long as its index says")
        blocks.append(tuple(listed))
    total = sum(points for listed in blocks for points, _, _ in listed)
    if total > header.points or (len(there) == header.layers and total != header.points):
        raise Malformed(f"{total} Gaussians where the header says {header.points}")
    sizes = {kind.decode(): len(payload) for kind, payload in found.items()}
    return Parsed(
        header, quantisers[0], mean, basis, step, tuple(deltas), tuple(chosen), background, tuple(blocks),
        found.get(b"META", b""), found.get(b"ICCP", b""), sizes,
    )  # fmt: skip


def parse(data: bytes) -> Coded:
    """Everything in a file, as it was written; raises a GsiError."""
    file = open_file(data)
    layers = []
    for number, listed in enumerate(file.blocks):
        parts = tables.expanded(file.tables[number])
        integers = [file.integers(number, block, parts) for block in range(len(listed))]
        points, reach, _ = zip(*listed, strict=True)
        layers.append(
            Layer(file.deltas[number], np.concatenate(integers), points, reach, file.tables[number])
        )
    return Coded(
        file.header,
        file.cell,
        file.mean,
        file.basis,
        file.step,
        file.background,
        tuple(layers),
        file.meta,
        file.icc,
    )
