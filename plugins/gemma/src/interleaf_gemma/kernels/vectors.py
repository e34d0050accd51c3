"""Sixteen numbers as one numba value, so that kernels read like the formulas they compute.

`Lanes` is one LLVM vector: one AVX-512 register, two of AVX2, four of NEON. Addresses are integers.
Everything here is usable inside compiled functions only; the caller keeps addresses within bounds.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"
# (numba infers the types of compiled functions)

import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

from .instructions import level

WIDTH = 16
HALF, FLOAT = ir.HalfType(), ir.FloatType()
I8, I16, I32, I64 = (ir.IntType(bits) for bits in (8, 16, 32, 64))


class Lanes(types.Type):
    """The numba type of 16 numbers of one `dtype`: float32 or int32."""

    def __init__(self, dtype: Any) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


FLOATS, INTS = Lanes(types.float32), Lanes(types.int32)


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """How numba stores `Lanes`: as a plain LLVM vector."""

    def __init__(self, dmm: Any, fe_type: Lanes) -> None:
        super().__init__(dmm, fe_type, _of(FLOAT if fe_type.dtype == types.float32 else I32))


def _of(element: Any, count: int = WIDTH) -> Any:
    return ir.VectorType(element, count)


def _all(kind: Any, value: float) -> Any:
    return ir.Constant(kind, [value] * kind.count)


def _broadcast(builder: Any, scalar: Any) -> Any:
    kind = _of(scalar.type)
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), scalar, I32(0))
    return builder.shuffle_vector(first, ir.Constant(kind, ir.Undefined), _all(_of(I32), 0))


def _read(builder: Any, address: Any, kind: Any) -> Any:
    return builder.load(builder.inttoptr(address, kind.as_pointer()), align=1)


def _write(builder: Any, value: Any, address: Any) -> None:
    builder.store(value, builder.inttoptr(address, value.type.as_pointer()), align=1)


def _call(builder: Any, name: str, kind: Any, *args: Any) -> Any:
    signature = ir.FunctionType(kind, [a.type for a in args])
    return builder.call(builder.module.declare_intrinsic(name, (), signature), args)


def _lower(emit: Any, gives: Any) -> Any:
    def generate(context, builder, sig, args):
        result = emit(builder, *args)
        return context.get_dummy_value() if gives == types.void else result

    return generate


def _one(gives: Any, a: Any) -> Any:
    """A compiled function of one argument from `emit(builder, x)`, which writes its instructions."""

    def wrap(emit):
        @intrinsic
        def function(typingctx, x):
            return gives(a), _lower(emit, gives)

        function.__doc__ = emit.__doc__
        return function

    return wrap


def _two(gives: Any, a: Any, b: Any) -> Any:
    def wrap(emit):
        @intrinsic
        def function(typingctx, x, y):
            return gives(a, b), _lower(emit, gives)

        function.__doc__ = emit.__doc__
        return function

    return wrap


def _three(gives: Any, a: Any, b: Any, c: Any) -> Any:
    def wrap(emit):
        @intrinsic
        def function(typingctx, x, y, z):
            return gives(a, b, c), _lower(emit, gives)

        function.__doc__ = emit.__doc__
        return function

    return wrap


# Reading and writing


@_one(FLOATS, types.intp)
def floats(builder, address):
    """Sixteen float32."""
    return _read(builder, address, _of(FLOAT))


@_one(INTS, types.intp)
def ints(builder, address):
    """Sixteen int32; also 32 bfloat16 or 64 bytes for the functions below."""
    return _read(builder, address, _of(I32))


def _from_half(builder: Any, bits: Any, wide: Any, real: Any) -> Any:
    """Finite float16 as float32, where the processor has no instruction for it."""
    bits = builder.zext(bits, wide)
    size = builder.shl(builder.and_(bits, _same(wide, 0x7FFF)), _same(wide, 13))
    size = builder.fmul(builder.bitcast(size, real), _same(real, 2.0**112))
    sign = builder.shl(builder.and_(bits, _same(wide, 0x8000)), _same(wide, 16))
    return builder.bitcast(builder.or_(builder.bitcast(size, wide), sign), real)


def _same(kind: Any, value: float) -> Any:
    return _all(kind, value) if isinstance(kind, ir.VectorType) else ir.Constant(kind, value)


@_one(FLOATS, types.intp)
def halves(builder, address):
    """Sixteen float16 as float32."""
    if level() == "portable":
        return _from_half(builder, _read(builder, address, _of(I16)), _of(I32), _of(FLOAT))
    return builder.fpext(_read(builder, address, _of(HALF)), _of(FLOAT))


@_one(INTS, types.intp)
def word(builder, address):
    """Four bytes, repeated sixteen times."""
    return _broadcast(builder, _read(builder, address, I32))


@_one(FLOATS, types.intp)
def bfloats(builder, address):
    """Sixteen bfloat16 as float32."""
    wide = builder.zext(_read(builder, address, _of(I16)), _of(I32))
    return builder.bitcast(builder.shl(wide, _all(wide.type, 16)), _of(FLOAT))


@_one(types.float32, types.intp)
def bfloat(builder, address):
    """One bfloat16 as float32."""
    wide = builder.zext(_read(builder, address, I16), I32)
    return builder.bitcast(builder.shl(wide, I32(16)), FLOAT)


@_one(types.float32, types.intp)
def single(builder, address):
    """One float32."""
    return _read(builder, address, FLOAT)


@_one(types.float32, types.intp)
def half(builder, address):
    """One float16 as float32."""
    if level() == "portable":
        return _from_half(builder, _read(builder, address, I16), I32, FLOAT)
    return builder.fpext(_read(builder, address, HALF), FLOAT)


@_one(types.int32, types.intp)
def byte(builder, address):
    """One int8."""
    return builder.sext(_read(builder, address, I8), I32)


@_one(types.int64, types.intp)
def whole(builder, address):
    """One int64."""
    return _read(builder, address, I64)


@_one(types.int32, types.intp)
def whole_32(builder, address):
    """One int32."""
    return _read(builder, address, I32)


@_two(types.void, types.intp, types.float32)
def put_single(builder, address, value):
    """Write one float32."""
    _write(builder, value, address)


@_two(types.void, types.intp, types.int32)
def put_whole_32(builder, address, value):
    """Write one int32."""
    _write(builder, value, address)


@_two(types.void, types.intp, FLOATS)
def put_floats(builder, address, value):
    """Write sixteen float32."""
    _write(builder, value, address)


@_two(types.void, types.intp, FLOATS)
def put_bfloats(builder, address, value):
    """Write sixteen float32 as bfloat16, rounded to nearest, ties to even."""
    bits = builder.bitcast(value, _of(I32))
    odd = builder.and_(builder.lshr(bits, _all(bits.type, 16)), _all(bits.type, 1))
    rounded = builder.add(builder.add(bits, _all(bits.type, 0x7FFF)), odd)
    _write(builder, builder.trunc(builder.lshr(rounded, _all(bits.type, 16)), _of(I16)), address)


@_two(types.void, types.intp, FLOATS)
def put_bytes(builder, address, value):
    """Write sixteen float32 within ±127 as int8, rounded to nearest, ties to even."""
    whole = _call(builder, "llvm.nearbyint.v16f32", value.type, value)
    _write(builder, builder.fptosi(whole, _of(I8)), address)


@_one(types.void, types.intp)
def prefetch(builder, address):
    """Ask for the cache line at `address`."""
    pointer = builder.inttoptr(address, I8.as_pointer())
    kind = ir.FunctionType(ir.VoidType(), [pointer.type, I32, I32, I32])
    fetch = builder.module.declare_intrinsic("llvm.prefetch", [pointer.type], kind)
    builder.call(fetch, [pointer, I32(0), I32(3), I32(1)])


# Arithmetic


@_one(FLOATS, types.float32)
def spread(builder, scalar):
    """`scalar` in every lane."""
    return _broadcast(builder, scalar)


@_one(INTS, types.int32)
def spread_int(builder, scalar):
    """`scalar` in every lane."""
    return _broadcast(builder, scalar)


@_one(FLOATS, INTS)
def low(builder, pairs):
    """The bfloat16 at even places."""
    return builder.bitcast(builder.shl(pairs, _all(pairs.type, 16)), _of(FLOAT))


@_one(FLOATS, INTS)
def high(builder, pairs):
    """The bfloat16 at odd places."""
    return builder.bitcast(builder.and_(pairs, _all(pairs.type, 0xFFFF0000)), _of(FLOAT))


@_one(FLOATS, INTS)
def as_floats(builder, whole):
    """int32 as float32."""
    return builder.sitofp(whole, _of(FLOAT))


@_three(FLOATS, FLOATS, FLOATS, FLOATS)
def fma(builder, a, b, c):
    """`a * b + c`, fused where the processor can."""
    return _call(builder, "llvm.fmuladd.v16f32", a.type, a, b, c)


@_two(FLOATS, FLOATS, FLOATS)
def larger(builder, a, b):
    """The larger of a and b, lane by lane; a where either is NaN."""
    return builder.select(builder.fcmp_ordered(">", b, a), b, a)


@_two(FLOATS, FLOATS, FLOATS)
def smaller(builder, a, b):
    """The smaller of a and b, lane by lane; a where either is NaN."""
    return builder.select(builder.fcmp_ordered("<", b, a), b, a)


@_one(FLOATS, FLOATS)
def magnitude(builder, a):
    """|a|."""
    return _call(builder, "llvm.fabs.v16f32", a.type, a)


@_one(FLOATS, FLOATS)
def exp2_whole(builder, n):
    """2 to the power n, a whole number within ±126."""
    bits = builder.add(builder.fptosi(n, _of(I32)), _all(_of(I32), 127))
    return builder.bitcast(builder.shl(bits, _all(bits.type, 23)), _of(FLOAT))


@_one(FLOATS, FLOATS)
def nearest(builder, a):
    """a rounded to a whole number, ties to even."""
    return _call(builder, "llvm.nearbyint.v16f32", a.type, a)


def _fold(builder, value, combine):
    undefined, half = ir.Constant(value.type, ir.Undefined), WIDTH // 2
    while half:
        places = ir.Constant(_of(I32), [k + half if k < half else 0 for k in range(WIDTH)])
        value = combine(value, builder.shuffle_vector(value, undefined, places))
        half //= 2
    return builder.extract_element(value, I32(0))


@_one(types.float32, FLOATS)
def total(builder, lanes):
    """The sum of all lanes, added pairwise in a fixed order."""
    return _fold(builder, lanes, builder.fadd)


@_one(types.float32, FLOATS)
def largest(builder, lanes):
    """The largest lane."""
    return _fold(builder, lanes, lambda a, b: builder.select(builder.fcmp_ordered(">", a, b), a, b))


def _operation(instruction: str, kind: Any) -> Any:
    return _two(kind, kind, kind)(lambda builder, a, b: getattr(builder, instruction)(a, b))


_add, _sub, _mul, _div = (_operation(name, FLOATS) for name in ("fadd", "fsub", "fmul", "fdiv"))
_add_ints = _operation("add", INTS)


@overload(operator.add)
def _overload_add(a, b):
    if a == FLOATS and b == FLOATS:
        return lambda a, b: _add(a, b)
    return (lambda a, b: _add_ints(a, b)) if a == INTS and b == INTS else None


def _float_operator(operation: Any, function: Any) -> None:
    @overload(operation)
    def _overloaded(a, b):
        return (lambda a, b: function(a, b)) if a == FLOATS and b == FLOATS else None


_float_operator(operator.sub, _sub)
_float_operator(operator.mul, _mul)
_float_operator(operator.truediv, _div)


# Sums of products of bytes: four neighbours at a time are multiplied and added to one int32 lane


def _bytes(builder: Any, ints: Any) -> Any:
    return builder.bitcast(ints, _of(I8, 64))


def _each_half(builder: Any, name: str, given: Any, gives: Any, *args: Any) -> Any:
    """Call an AVX2 instruction on the two halves of the arguments, and join."""
    results = []
    for part in (0, 1):
        places = ir.Constant(_of(I32, 8), list(range(8 * part, 8 * part + 8)))
        cut = [
            builder.bitcast(
                builder.shuffle_vector(a, ir.Constant(a.type, ir.Undefined), places), kind
            )
            for a, kind in zip(args, given, strict=True)
        ]
        results.append(builder.bitcast(_call(builder, name, gives, *cut), _of(I32, 8)))
    return builder.shuffle_vector(*results, ir.Constant(_of(I32), list(range(16))))


def _widened_dot(builder: Any, total: Any, unsigned: Any, signed: Any) -> Any:
    """The definition, for any processor: total + Σ unsigned[4k + i] · signed[4k + i]."""
    a, b = _bytes(builder, unsigned), _bytes(builder, signed)
    for i in range(4):
        places = ir.Constant(_of(I32), [4 * k + i for k in range(WIDTH)])
        x, y = (
            builder.shuffle_vector(v, ir.Constant(v.type, ir.Undefined), places) for v in (a, b)
        )
        product = builder.mul(builder.zext(x, _of(I32)), builder.sext(y, _of(I32)))
        total = builder.add(total, product)
    return total


def _vnni_dot(builder: Any, total: Any, unsigned: Any, signed: Any) -> Any:
    a, b = _bytes(builder, unsigned), _bytes(builder, signed)
    return _call(builder, "llvm.x86.avx512.vpdpbusd.512", total.type, total, a, b)


def _pairs(builder: Any, unsigned: Any, signed: Any) -> Any:
    """Sums of two neighbours as int16 (saturated at its ends)."""
    bytes_ = (_of(I8, 32), _of(I8, 32))
    return _each_half(builder, "llvm.x86.avx2.pmadd.ub.sw", bytes_, _of(I16, 16), unsigned, signed)


def _pairs_to_ints(builder: Any, pairs: Any) -> Any:
    ones = builder.bitcast(_all(_of(I16, 32), 1), _of(I32))
    words = (_of(I16, 16), _of(I16, 16))
    return _each_half(builder, "llvm.x86.avx2.pmadd.wd", words, _of(I32, 8), pairs, ones)


VNNI = level() == "avx512-vnni"
PAIRWISE = level() in ("avx512", "avx2")
_whole_dot = _vnni_dot if VNNI else _widened_dot

# Signed weights meet signed activations. Where only unsigned × signed exists, weights + 128 are taken
# and 128 times the sum of the activations is what to begin with less: BYTE_OFFSET says which.
BYTE_OFFSET = 0 if PAIRWISE else 128


@_three(INTS, INTS, INTS, INTS)
def dot_bytes(builder, so_far, w, x):
    """so_far + Σ₄ (w + BYTE_OFFSET) · x for bytes w and x within ±127."""
    if not PAIRWISE:
        flipped = builder.xor(w, _all(w.type, 0x80808080))
        return _whole_dot(builder, so_far, flipped, x)
    false = ir.IntType(1)(0)
    kind, name = _of(I8, 64), "llvm.abs.v64i8"
    signature = ir.FunctionType(kind, [kind, ir.IntType(1)])
    absolute = builder.module.declare_intrinsic(name, (), signature)
    size = builder.bitcast(builder.call(absolute, [_bytes(builder, x), false]), _of(I32))
    bytes_ = (_of(I8, 32), _of(I8, 32))
    turned = _each_half(builder, "llvm.x86.avx2.psign.b", bytes_, _of(I8, 32), w, x)
    return builder.add(so_far, _pairs_to_ints(builder, _pairs(builder, size, turned)))


@_three(INTS, INTS, INTS, INTS)
def dot_nibbles(builder, so_far, w, x):
    """Add Σ₄ w · x for w in 0…15 and bytes x within ±127, at most 8 times before `finish_nibbles`."""
    if not PAIRWISE:
        return _whole_dot(builder, so_far, w, x)
    pairs = _of(I16, 32)
    added = builder.add(
        builder.bitcast(so_far, pairs), builder.bitcast(_pairs(builder, w, x), pairs)
    )
    return builder.bitcast(added, _of(I32))


@_one(INTS, INTS)
def finish_nibbles(builder, so_far):
    """What `dot_nibbles` has added up, as int32."""
    return _pairs_to_ints(builder, so_far) if PAIRWISE else so_far


@_one(INTS, INTS)
def low_nibbles(builder, packed):
    """The lower four bits of every byte."""
    return builder.and_(packed, _all(packed.type, 0x0F0F0F0F))


@_one(INTS, INTS)
def high_nibbles(builder, packed):
    """The upper four bits of every byte."""
    return builder.and_(builder.lshr(packed, _all(packed.type, 4)), _all(packed.type, 0x0F0F0F0F))
