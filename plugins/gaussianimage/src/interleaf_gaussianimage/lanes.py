"""A row of 16 numbers as one numba value, so that kernels read like the formulas they compute.

`Lanes` maps to one LLVM vector: one AVX-512 register, two AVX2 registers or four NEON registers
for float32, twice as many for float64. Everything here is usable inside `numba.njit` only.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"
# (numba infers the types of compiled functions)

import math
import operator
from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, overload, register_model

WIDTH = 16


class Lanes(types.Type):
    """The numba type of `WIDTH` numbers of one floating-point `dtype`."""

    def __init__(self, dtype: types.Float) -> None:
        self.dtype = dtype
        super().__init__(name=f"Lanes({dtype})")


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):
    """How numba stores `Lanes`: as a plain LLVM vector."""

    def __init__(self, dmm: Any, fe_type: Lanes) -> None:
        element = ir.DoubleType() if fe_type.dtype == types.float64 else ir.FloatType()
        super().__init__(dmm, fe_type, ir.VectorType(element, WIDTH))


def _vector(context: Any, lanes: Lanes) -> ir.VectorType:
    return context.get_value_type(lanes)


def _broadcast(builder: Any, scalar: Any) -> Any:
    vector = ir.VectorType(scalar.type, WIDTH)
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar, ir.IntType(32)(0))
    zeros = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
    return builder.shuffle_vector(first, ir.Constant(vector, ir.Undefined), zeros)


def _pointer(context: Any, builder: Any, signature: Any, args: Any) -> Any:
    """Address of `array[index]` seen as a vector; needs no alignment beyond the element's."""
    array_type = signature.args[0]
    data = context.make_array(array_type)(context, builder, args[0]).data
    address = builder.gep(data, [args[1]])
    return builder.bitcast(address, _vector(context, Lanes(array_type.dtype)).as_pointer())


@intrinsic
def spread(typingctx, scalar):
    """`scalar` in every lane."""
    return Lanes(scalar)(scalar), lambda context, builder, sig, args: _broadcast(builder, args[0])


@intrinsic
def ramp(typingctx, start):
    """`start, start + 1, ..., start + 15`."""

    def generate(context, builder, sig, args):
        steps = ir.Constant(_vector(context, sig.return_type), [float(k) for k in range(WIDTH)])
        return builder.fadd(_broadcast(builder, args[0]), steps)

    return Lanes(start)(start), generate


@intrinsic
def load(typingctx, array, index):
    """`array[index : index + 16]` of a contiguous 1-D array; the caller keeps it within bounds."""

    def generate(context, builder, sig, args):
        return builder.load(
            _pointer(context, builder, sig, args), align=sig.args[0].dtype.bitwidth // 8
        )

    return Lanes(array.dtype)(array, types.intp), generate


@intrinsic
def store(typingctx, array, index, value):
    """`array[index : index + 16] = value`; the caller keeps it within bounds."""

    def generate(context, builder, sig, args):
        address = _pointer(context, builder, sig, args)
        builder.store(args[2], address, align=sig.args[0].dtype.bitwidth // 8)
        return context.get_dummy_value()

    return types.void(array, types.intp, value), generate


@intrinsic
def fma(typingctx, a, b, c):
    """`a * b + c`, fused where the processor has it."""

    def generate(context, builder, sig, args):
        name = f"llvm.fmuladd.v{WIDTH}f{sig.return_type.dtype.bitwidth}"
        kind = ir.FunctionType(args[0].type, [args[0].type] * 3)
        return builder.call(builder.module.declare_intrinsic(name, (), kind), args)

    return a(a, a, a), generate


@intrinsic
def where_at_most(typingctx, test, limit, value):
    """`value` where `test <= limit`, else 0 (also where `test` is NaN); `limit` is a scalar."""

    def generate(context, builder, sig, args):
        mask = builder.fcmp_ordered("<=", args[0], _broadcast(builder, args[1]))
        return builder.select(mask, args[2], ir.Constant(args[2].type, [0.0] * WIDTH))

    return value(test, test.dtype, value), generate


# 2^f on -1/2 .. 1/2 by its Taylor polynomial: 3e-8 relative error
_POWERS = [math.log(2.0) ** k / math.factorial(k) for k in range(7)]


@intrinsic
def exp2(typingctx, value):
    """2 ** value for float32 lanes; 0 below -126, above 127 as at 127."""

    def generate(context, builder, sig, args):
        vector, module = args[0].type, builder.module

        def call(name, *operands):
            kind = ir.FunctionType(vector, [vector] * len(operands))
            found = module.declare_intrinsic(f"llvm.{name}.v{WIDTH}f32", (), kind)
            return builder.call(found, operands)

        def constant(x):
            return ir.Constant(vector, [x] * WIDTH)

        x = call("maxnum", call("minnum", args[0], constant(127.0)), constant(-126.0))
        whole = call("rint", x)
        f = builder.fsub(x, whole)
        found = constant(_POWERS[-1])
        for power in _POWERS[-2::-1]:
            found = call("fmuladd", found, f, constant(power))
        integers = ir.VectorType(ir.IntType(32), WIDTH)
        bits = builder.add(builder.fptosi(whole, integers), ir.Constant(integers, [127] * WIDTH))
        bits = builder.shl(bits, ir.Constant(integers, [23] * WIDTH))
        found = builder.fmul(found, builder.bitcast(bits, vector))
        tiny = builder.fcmp_ordered("<", args[0], constant(-126.0))
        return builder.select(tiny, constant(0.0), found)

    return value(value), generate


@intrinsic
def where_at_least(typingctx, value, limit):
    """`value` where it is at least the scalar `limit`, else 0 (also where it is NaN)."""

    def generate(context, builder, sig, args):
        mask = builder.fcmp_ordered(">=", args[0], _broadcast(builder, args[1]))
        return builder.select(mask, args[0], ir.Constant(args[0].type, [0.0] * WIDTH))

    return value(value, value.dtype), generate


@intrinsic
def store_rgb(typingctx, array, index, red, green, blue):
    """array[index : index + 48] = 16 pixels of bytes, from lanes of 0..255.999 each, cut to integers."""

    def generate(context, builder, sig, args):
        octets = ir.VectorType(ir.IntType(8), WIDTH)
        # by way of 32 bits, which every processor has
        words = ir.VectorType(ir.IntType(32), WIDTH)
        r, g, b = (builder.trunc(builder.fptosi(v, words), octets) for v in args[2:])

        def mix(first, second, indices):
            mask = ir.Constant(ir.VectorType(ir.IntType(32), len(indices)), indices)
            return builder.shuffle_vector(first, second, mask)

        two = mix(r, g, list(range(2 * WIDTH)))
        wide = mix(b, ir.Constant(octets, ir.Undefined), [min(i, WIDTH) for i in range(2 * WIDTH)])
        order = [(i // 3) + WIDTH * (i % 3) for i in range(3 * WIDTH)]
        pixels = mix(two, wide, order)
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        address = builder.bitcast(builder.gep(data, [args[1]]), pixels.type.as_pointer())
        builder.store(pixels, address, align=1)
        return context.get_dummy_value()

    return types.void(array, types.intp, red, green, blue), generate


@intrinsic
def clip(typingctx, value, low, high):
    """`value` held within two scalars."""

    def generate(context, builder, sig, args):
        vector = args[0].type
        bits = sig.return_type.dtype.bitwidth
        kind, found = ir.FunctionType(vector, [vector] * 2), args[0]
        for name, limit in (("maxnum", args[1]), ("minnum", args[2])):
            call = builder.module.declare_intrinsic(f"llvm.{name}.v{WIDTH}f{bits}", (), kind)
            found = builder.call(call, (found, _broadcast(builder, limit)))
        return found

    return value(value, value.dtype, value.dtype), generate


@intrinsic
def total(typingctx, lanes):
    """The sum of all lanes, added pairwise in a fixed order."""

    def generate(context, builder, sig, args):
        value, undefined = args[0], ir.Constant(args[0].type, ir.Undefined)
        half = WIDTH // 2
        while half:
            indices = [k + half if k < half else 0 for k in range(WIDTH)]
            upper = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), indices)
            value = builder.fadd(value, builder.shuffle_vector(value, undefined, upper))
            half //= 2
        return builder.extract_element(value, ir.IntType(32)(0))

    return lanes.dtype(lanes), generate


def _operation(instruction: str) -> Any:
    @intrinsic
    def apply(typingctx, a, b):
        def generate(context, builder, sig, args):
            return getattr(builder, instruction)(*args)

        return a(a, a), generate

    return apply


_add, _sub, _mul = _operation("fadd"), _operation("fsub"), _operation("fmul")


@overload(operator.add)
def _overload_add(a, b):
    if isinstance(a, Lanes) and a == b:
        return lambda a, b: _add(a, b)
    return None


@overload(operator.sub)
def _overload_sub(a, b):
    if isinstance(a, Lanes) and a == b:
        return lambda a, b: _sub(a, b)
    return None


@overload(operator.mul)
def _overload_mul(a, b):
    if isinstance(a, Lanes) and a == b:
        return lambda a, b: _mul(a, b)
    return None
