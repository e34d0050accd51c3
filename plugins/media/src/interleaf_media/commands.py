"""``interleaf media compare | info | sheet``."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

import typer

from interleaf.errors import InvalidInput
from interleaf.interfaces import Measure

Pred = Annotated[
    Path, typer.Argument(help="what is judged: a video, a picture, a folder of pictures")
]
Ref = Annotated[Path, typer.Argument(help="its original")]
Metrics = Annotated[str, typer.Option(help="by comma: psnr,ssim,ms_ssim,vmaf,lpips,flow_stats,…")]
Align = Annotated[
    str, typer.Option(help="strict, or index: pair frame by number up to the shorter")
]
MaskFile = Annotated[Path | None, typer.Option(help="a picture or video; white is inside")]
First = Annotated[Path | None, typer.Option(help="the picture a clip was made from (i1_mse, pic)")]
Net = Annotated[str, typer.Option(help="LPIPS trunk: alex, squeeze or vgg")]
TrunkFile = Annotated[Path | None, typer.Option(help="the trunk's weights; else they are searched")]
Flow = Annotated[str, typer.Option(help="who estimates motion: dis, farneback or raft")]
FlowFile = Annotated[
    Path | None, typer.Option(help="the weights of RAFT (torchvision's small one)")
]
Prompt = Annotated[str, typer.Option(help="the words a clip was made from (clip_text)")]
ClipFolder = Annotated[Path | None, typer.Option(help="a folder with a CLIP model (transformers)")]
NiqeFile = Annotated[Path | None, typer.Option(help="NIQE's mean and covariance, .mat or .npz")]
BrisqueFile = Annotated[
    Path | None, typer.Option(help="BRISQUE's support vectors, as piq has them")
]
Random = Annotated[
    int | None, typer.Option(help="seed of untrained weights: lpips@random and so on")
]
Json = Annotated[bool, typer.Option("--json", help="print JSON")]
File = Annotated[Path, typer.Argument(help="a video, animation, sound or picture")]
Out = Annotated[
    Path | None, typer.Option(help="the picture to write; by default CLIP.sheet.png here")
]
Count = Annotated[int, typer.Option(min=1, max=400, help="frames on the sheet")]
Columns = Annotated[int, typer.Option(min=1, max=40)]
Width = Annotated[int, typer.Option(min=16, max=1920, help="of a frame, in pixels")]


def compare(
    pred: Pred, ref: Ref, metrics: Metrics = "psnr,ssim", align: Align = "strict", mask: MaskFile = None,
    first: First = None, net: Net = "alex", file: TrunkFile = None, flow: Flow = "dis",
    flow_file: FlowFile = None, prompt: Prompt = "", clip: ClipFolder = None, niqe: NiqeFile = None,
    brisque: BrisqueFile = None, random: Random = None, as_json: Json = False,
) -> None:  # fmt: skip
    """Judge a video or picture against its original; every number names its weights."""
    from interleaf_media.comparing_files import compared

    names = [n.strip() for n in metrics.split(",") if n.strip()]
    files = {"path": file, "flow_path": flow_file, "clip": clip, "niqe": niqe, "brisque": brisque}
    _among("align", align, ("strict", "index"))
    _among("net", net, ("alex", "squeeze", "vgg"))
    _among("flow", flow, ("dis", "farneback", "raft"))
    others = {k: str(v or "") for k, v in files.items()}
    found = compared(
        pred,
        ref,
        names,
        align,
        mask,
        first,
        net=net,
        flow=flow,
        prompt=prompt,
        random=random,
        **others,
    )
    if as_json:
        from interleaf_media.measures import record

        tables = [{"caption": t.caption, "columns": dict(t.columns)} for t in found.tables]
        shown = {
            "pred": str(pred),
            "ref": str(ref),
            "measures": [record(m) for m in found.measures],
        }
        print(json.dumps({**shown, "tables": tables}, indent=1, ensure_ascii=False))
        return
    for m in found.measures:
        print(_line(m))


def _line(m: Measure) -> str:
    name = m.name + (f"/{m.group}" if m.group else "")
    value = "–" if m.value is None else f"{m.value:.6g}"
    interval = f"  [{m.interval[0]:.4g}, {m.interval[1]:.4g}]" if m.interval else ""
    weights = m.settings.get("weights", "none")
    told = "  ".join(p for p in (m.reason, "" if weights == "none" else f"weights {weights}") if p)
    return f"{name:<24} {value:>12} {m.unit:<9} n {m.n:<5}{interval}  {told}".rstrip()


def _among(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise InvalidInput(f"no {what} '{value}'", hint=", ".join(known))


def info(file: File, as_json: Json = False) -> None:
    """Size, rate, length, codec, sound and peculiarities of a file."""
    from interleaf_media.sources import facts

    found = facts(file)
    if as_json:
        print(json.dumps(found, indent=1, default=_plain, ensure_ascii=False))
        return
    for key, value in found.items():
        print(f"{key:<13} {_plain(value)}")


def _plain(value: Any) -> Any:
    if isinstance(value, Fraction):
        return str(value) if value.denominator != 1 else value.numerator
    return ", ".join(value) if isinstance(value, list) else value


def sheet(
    clip: File, out: Out = None, count: Count = 12, columns: Columns = 4, width: Width = 240
) -> None:
    """A contact sheet: frames spread over a clip, with their numbers and times."""
    from interleaf.values import Image
    from interleaf_media.sources import sheet_of
    from interleaf_media.writing import encode_png

    target = out or Path(f"{clip.stem}.sheet.png")
    picture, notes = sheet_of(clip, count, columns, width)
    target.write_bytes(encode_png(Image(picture)))
    for note in notes:
        typer.echo(f"{clip.name}: {note}", err=True)
    print(target)
