"""``interleaf gemma quantize`` and ``interleaf gemma bench``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from interleaf.errors import InvalidInput

if TYPE_CHECKING:
    from interleaf_gemma.benching.measuring import Row
    from interleaf_gemma.benching.peers import Peer
    from interleaf_gemma.quantised import Quant

KINDS = ("bf16", "int8", "int4")
PEERS = {"llama.cpp", "transformers", "torch"}
ALONE = "INTERLEAF_GEMMA_BENCH_ALONE"


def quantize(
    weights: Annotated[Path, typer.Argument(help="Hugging Face folder, .ckpt or .gguf")],
    out: Annotated[Path, typer.Argument(help="folder (safetensors), or a file that ends in .gguf")],
    quant: Annotated[str, typer.Option(help="int8 or int4")] = "int8",
    texts: Annotated[
        Path | None, typer.Option(help="a text to calibrate on (GPTQ): slower, and loses less")
    ] = None,
) -> None:
    """Round a model's matrices, embedding included, for this package or (.gguf) for llama.cpp too."""
    if quant not in ("int8", "int4"):
        raise InvalidInput(f"no quantisation '{quant}'", hint="int8 or int4")
    if out.exists() and (out.is_file() or any(out.iterdir())):
        raise InvalidInput(f"{out} is there already", hint="give another name")
    from interleaf_gemma.benching.quantize import quantize_files

    before, after = quantize_files(weights, out, cast("Quant", quant), texts)
    print(f"{out}: {before / 1e6:,.1f} MB became {after / 1e6:,.1f} MB")


def bench(
    shape: Annotated[str, typer.Option(help="128m, 2b or tiny; random weights")] = "128m",
    context: Annotated[int, typer.Option(help="tokens in the prompt")] = 128,
    threads: Annotated[int, typer.Option(help="of everyone")] = 1,
    kinds: Annotated[
        str, typer.Option(help="of bf16, int8, int4, joined by commas")
    ] = "bf16,int8,int4",
    isa: Annotated[
        str, typer.Option(help="at most avx512-vnni, avx512, avx2 or portable; ours only")
    ] = "",
    peers: Annotated[
        str, typer.Option(help="of llama.cpp, transformers, torch, joined by commas; or none")
    ] = "llama.cpp,transformers,torch",
    rounds: Annotated[int, typer.Option(help="turns of each")] = 5,
    json_: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Tokens a second, decoding and reading a prompt, beside others and what this machine's memory allows."""
    wanted, others = kinds.split(","), set(peers.split(",")) - {"none"}
    if isa:
        os.environ["INTERLEAF_GEMMA_ISA"] = isa
    import torch

    from interleaf_gemma.benching.measuring import measured
    from interleaf_gemma.benching.peers import SHAPES
    from interleaf_gemma.kernels.bandwidth import bandwidth
    from interleaf_gemma.kernels.instructions import level

    if shape not in SHAPES or not set(wanted) <= set(KINDS) or not others <= PEERS:
        raise InvalidInput(
            f"shape '{shape}', kinds '{kinds}', peers '{peers}'",
            hint="interleaf gemma bench --help",
        )
    torch.set_num_threads(threads)
    contestants = _contestants(shape, wanted, context, threads, others)
    rows, bytes_ = measured(
        contestants, lambda: bandwidth(threads, 1), context, threads, rounds=rounds
    )
    found: dict[str, Any] = {
        "shape": shape, "context": context, "threads": threads, "instructions": level(),
        "bandwidth": bytes_, "rows": [asdict(row) for row in rows],
    }  # fmt: skip
    if "transformers" in others and "bf16" in wanted and not os.environ.get(ALONE):
        found["transformers_avx2"] = _transformers_avx2(shape, context, threads)
    print(json.dumps(found) if json_ else _told(found, rows))


def _contestants(
    shape: str, kinds: list[str], context: int, threads: int, others: set[str]
) -> list[Peer]:
    from interleaf_gemma.benching import peers

    model = peers.random_model(peers.SHAPES[shape])
    if os.environ.get(ALONE):
        return [p for p in [peers.transformers(model)] if p]
    found: list[Peer | None] = []
    for kind in kinds:
        mine = model if kind == "bf16" else peers.quantised(model, cast("Quant", kind))
        found.append(peers.ours(mine, kind, threads))
        if kind == "bf16" and "torch" in others:
            found.append(peers.torch_alone(model))
        if kind == "bf16" and "transformers" in others:
            found.append(peers.transformers(model))
        if "llama.cpp" in others:
            found.append(peers.llama_cpp(model, kind, threads, context))
    return [p for p in found if p]


def _transformers_avx2(shape: str, context: int, threads: int) -> dict[str, Any] | None:
    """transformers in a process of its own, its products kept to AVX2: faster on some processors."""
    command = [
        sys.executable,
        "-m",
        "interleaf_cli",
        "gemma",
        "bench",
        "--shape",
        shape,
        "--kinds",
        "bf16",
    ]
    command += ["--context", str(context), "--threads", str(threads), "--rounds", "3", "--json"]
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", ALONE: "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        return None
    rows: list[dict[str, Any]] = json.loads(done.stdout)["rows"]
    return rows[0] if rows else None


def _told(found: dict[str, Any], rows: list[Row]) -> str:
    gigabytes = found["bandwidth"] / 1e9
    lines = [
        f"shape {found['shape']}, context {found['context']}, threads {found['threads']}, "
        f"ours with {found['instructions']}; memory is read at {gigabytes:.1f} GB/s",
        f"{'':22}{'MB':>8}{'decode/s':>10}{'of roofline':>13}{'ours ×':>8}{'prefill/s':>11}",
    ]
    best = {row.kind: row.decode for row in rows if row.name.startswith("interleaf")}
    extra = found.get("transformers_avx2")
    told = [asdict(row) for row in rows]
    if extra:
        told.insert(3, {**extra, "name": "the same, ONEDNN AVX2", "share": 0.0})
    for row in told:
        ratio = best.get(row["kind"], 0.0) / row["decode"]
        share = f"{row['share']:.0%}" if row["share"] else ""
        lines.append(
            f"{row['name']:22}{row['megabytes']:8.0f}{row['decode']:10.1f}{share:>13}{ratio:8.2f}"
            f"{row['prefill']:11.0f}"
        )
    return "\n".join(lines)
