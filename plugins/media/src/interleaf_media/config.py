"""Parameters of the components of ``media``."""

from dataclasses import dataclass
from typing import Annotated, Literal

from interleaf.params import Ge, Gt, InFile, Le, Lt

PairMeasure = Literal[
    "mse", "psnr", "ssim", "ssim_luma", "ms_ssim", "gmsd", "vif", "fsim", "haarpsi", "mdsi", "vsi",
    "flip", "lpips", "niqe", "brisque", "clip_text",
]  # fmt: skip
ClipMeasure = Literal[
    "mse", "psnr", "ssim", "ssim_luma", "ms_ssim", "gmsd", "vif", "fsim", "haarpsi", "mdsi", "vsi",
    "flip", "lpips", "vmaf", "temporal_warp", "flow_stats", "i1_mse", "pic", "niqe",
    "brisque", "clip_text", "clip_temporal",
]  # fmt: skip
Codec = Literal["h264", "vp9", "ffv1", "gif", "apng", "npz"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImagesConfig:
    """``root``: a picture file or a folder. ``pattern``: which names of a folder (``*.png``,
    ``**/*.jpg``); by default every file with a picture's suffix. ``max_pixels``: larger pictures
    are refused before they are decoded."""

    root: InFile
    pattern: str = "*"
    max_pixels: Annotated[int, Ge(1)] = 200_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleConfig:
    """``name``: one photograph, or ``all``."""

    name: Literal["astronaut", "chelsea", "coffee", "rocket", "camera", "all"] = "astronaut"


@dataclass(frozen=True, slots=True, kw_only=True)
class PngConfig:
    """``level``: zlib's effort, 0 to 9; the pixels do not depend on it."""

    level: Annotated[int, Ge(0), Le(9)] = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ResizeConfig:
    """``width`` by ``height`` in pixels; 0: what keeps the shape, and both 0 the picture as it is."""

    width: Annotated[int, Ge(0), Le(65535)] = 0
    height: Annotated[int, Ge(0), Le(65535)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressConfig:
    """``codec`` and its own ``quality``; JPEG 2000 takes ``ratio`` instead, of the sizes."""

    codec: Literal["jpeg", "webp", "avif", "jpeg2000"] = "jpeg"
    quality: Annotated[int, Ge(0), Le(100)] = 75
    ratio: Annotated[float, Ge(1)] = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FidelityConfig:
    """``measures``: which to compute. LPIPS: its trunk ``net`` and the trunk's ``file`` (else it is
    searched). ``clip``: a folder with a CLIP model, and the ``prompt`` that a picture was made from.
    ``niqe``, ``brisque``: their files. ``random``: the seed of untrained weights instead of these, whose
    numbers are called ``…@random``."""

    measures: tuple[PairMeasure, ...] = ("psnr", "ssim", "ms_ssim")
    net: Literal["alex", "squeeze", "vgg"] = "alex"
    file: InFile | None = None
    clip: InFile | None = None
    prompt: str = ""
    niqe: InFile | None = None
    brisque: InFile | None = None
    random: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipsConfig:
    """``root``: a video, GIF, APNG, WebP or ``.npz``, a folder of them. ``pattern``: which names of a
    folder. From ``start`` to ``stop`` seconds (0: the end), at ``fps`` (0: the file's own; a variable
    rate becomes steady by presentation time), every ``stride``-th, at most ``limit`` (0: all); ``width``
    by ``height`` (0: the file's own; one of them keeps the shape); ``bits`` of a sample; ``sound``."""

    root: InFile
    pattern: str = "*"
    start: Annotated[float, Ge(0)] = 0.0
    stop: Annotated[float, Ge(0)] = 0.0
    fps: Annotated[float, Ge(0)] = 0.0
    stride: Annotated[int, Ge(1)] = 1
    limit: Annotated[int, Ge(0)] = 0
    width: Annotated[int, Ge(0)] = 0
    height: Annotated[int, Ge(0)] = 0
    bits: Literal[8, 16] = 8
    sound: bool = True
    reader: Literal["auto", "pyav", "ffmpeg", "opencv", "pillow"] = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioConfig:
    """``root``: a sound file, a video with sound, or a folder of them. ``rate`` in Hz (0: the file's
    own), ``channels`` (0: the file's own, 1 the mean of all), from ``start`` to ``stop`` seconds (0: the
    end)."""

    root: InFile
    pattern: str = "*"
    start: Annotated[float, Ge(0)] = 0.0
    stop: Annotated[float, Ge(0)] = 0.0
    rate: Annotated[int, Ge(0)] = 0
    channels: Annotated[int, Ge(0), Le(6)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteVideoConfig:
    """``codec``: h264 in MP4, vp9 in WebM, ffv1 in Matroska (without loss), gif, apng, npz. ``crf``: 0 is
    best; ``lossless`` for h264. ``title`` and ``comment`` go into the file."""

    codec: Codec = "h264"
    crf: Annotated[int, Ge(0), Le(63)] = 16
    lossless: bool = False
    title: str = ""
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetConfig:
    """``count`` frames in ``columns``, each ``width`` pixels wide."""

    count: Annotated[int, Ge(1), Le(400)] = 12
    columns: Annotated[int, Ge(1), Le(40)] = 4
    width: Annotated[int, Ge(16), Le(1920)] = 240


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameConfig:
    """``index`` of the frame; negative ones count from the end."""

    index: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AssembleConfig:
    """``fps`` of the clip made."""

    fps: Annotated[float, Gt(0)] = 25.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutConfig:
    """``layout``: clips ``beside`` each other, or the movement of each in one ``onion`` picture, drawn
    from ``count`` frames. ``columns`` 0: all in one row. ``labels``: captions of the clips."""

    layout: Literal["beside", "onion"] = "beside"
    columns: Annotated[int, Ge(0)] = 0
    count: Annotated[int, Ge(2)] = 6
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class OverlayConfig:
    """``alpha``: how strongly the mask is tinted."""

    alpha: Annotated[float, Ge(0), Le(1)] = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowConfig:
    """``method``: DIS (medium) or Farnebäck, of OpenCV; or torchvision's small RAFT, from its ``file``, or
    untrained from the seed ``random``."""

    method: Literal["dis", "farneback", "raft"] = "dis"
    file: InFile | None = None
    random: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowColorConfig:
    """``largest`` speed in px a frame is full colour; 0: the fastest pixel of the clip."""

    largest: Annotated[float, Ge(0)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFidelityConfig:
    """``measures``: which to compute. ``align``: ``strict`` demands as many frames at one rate, ``index``
    pairs frame by number up to the shorter. ``flow``: who estimates motion, RAFT from ``flow_file``. The
    rest as in ``media.fidelity``; ``clip_temporal`` needs no prompt."""

    measures: tuple[ClipMeasure, ...] = ("psnr", "ssim", "ms_ssim")
    align: Literal["strict", "index"] = "strict"
    net: Literal["alex", "squeeze", "vgg"] = "alex"
    file: InFile | None = None
    flow: Literal["dis", "farneback", "raft"] = "dis"
    flow_file: InFile | None = None
    clip: InFile | None = None
    prompt: str = ""
    niqe: InFile | None = None
    brisque: InFile | None = None
    random: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FidConfig:
    """``extractor``: ``inception`` (FID itself), ``randconv2d`` (no weights), ``timm:NAME``,
    ``torchvision:NAME``; ``file``: its weights (else they are searched). ``fid_inf`` extrapolates."""

    extractor: str = "inception"
    file: InFile | None = None
    measures: tuple[Literal["fid", "kid", "fid_inf"], ...] = ("fid", "kid")
    seed: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class FvdConfig:
    """``extractor``: ``i3d`` (FVD itself), ``hof`` (motion histograms) or ``randconv3d`` (no weights);
    ``file``: its weights. Of each clip the first ``frames`` are compared."""

    extractor: str = "i3d"
    file: InFile | None = None
    frames: Annotated[int, Ge(2)] = 16
    seed: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RatingConfig:
    """``question`` that raters answer for each pair, in an order drawn by ``seed``; at most ``limit``
    pairs (0: all)."""

    title: str = "Which is better?"
    question: str = "Which of the two is better?"
    seed: Annotated[int, Ge(0)] = 0
    limit: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class RanksConfig:
    """``answers``: a JSON file that a rater saved, or a folder of them; ``seed`` of the bootstrap."""

    answers: InFile
    seed: Annotated[int, Ge(0)] = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class AugmentConfig:
    """``flip``: chance of a mirror image. Up to ``degrees`` of turn, ``shift`` and ``zoom`` as parts of the
    size. ``brightness``, ``contrast``, ``saturation``, ``hue``: up to how far they go. ``blur`` in pixels
    and ``noise`` (0..1) as given."""

    flip: Annotated[float, Ge(0), Le(1)] = 0.5
    degrees: Annotated[float, Ge(0), Le(180)] = 0.0
    shift: Annotated[float, Ge(0), Le(1)] = 0.0
    zoom: Annotated[float, Ge(0), Lt(1)] = 0.0
    brightness: Annotated[float, Ge(0), Le(1)] = 0.1
    contrast: Annotated[float, Ge(0), Le(1)] = 0.1
    saturation: Annotated[float, Ge(0), Le(1)] = 0.1
    hue: Annotated[float, Ge(0), Le(0.5)] = 0.0
    blur: Annotated[float, Ge(0), Le(20)] = 0.0
    noise: Annotated[float, Ge(0), Le(1)] = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterConfig:
    """``name`` of the filter; ``amount``: sigma of blur and sharpen in pixels, else a factor."""

    name: Literal["grey", "blur", "sharpen", "edges", "gamma", "saturation", "equalize"] = "blur"
    amount: Annotated[float, Gt(0), Le(20)] = 1.0
