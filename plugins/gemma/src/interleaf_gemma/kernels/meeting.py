"""Threads that run one function together wait for each other inside it."""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, misc"

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from .instructions import internal

SPINS = 2000  # before the processor is offered to others


@intrinsic
def _arrive(typingctx, counter):
    def generate(context, builder, sig, args):
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", pointer, ir.IntType(64)(1), "acq_rel")

    return types.int64(types.intp), generate


@intrinsic
def _arrived(typingctx, counter):
    def generate(context, builder, sig, args):
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "acquire", 8)

    return types.int64(types.intp), generate


@intrinsic
def _give_way(typingctx):
    def generate(context, builder, sig, args):
        kind = ir.FunctionType(ir.IntType(32), [])
        function = builder.module.globals.get("sched_yield") or ir.Function(
            builder.module, kind, "sched_yield"
        )
        builder.call(function, [])
        return context.get_dummy_value()

    return types.void(), generate


@internal
def meet(counter, threads):
    """Wait until every thread has come here; counter: address of an int64 that began at 0."""
    if threads == 1:
        return
    goal = (_arrive(counter) // threads + 1) * threads
    spins = 0
    while _arrived(counter) < goal:
        spins += 1
        if spins > SPINS:
            _give_way()
