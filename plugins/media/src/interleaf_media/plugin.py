"""The descriptor of ``media``."""

from collections.abc import Mapping, Sequence

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer
from interleaf.plugin import Call, ComponentSpec, Plugin, component


def _spec(
    name: str, interface: type, target: str, config: str, summary: str, calls: Mapping[str, Call],
    capabilities: Sequence[str] = (), extra: str = "",
) -> ComponentSpec:  # fmt: skip
    return component(
        name, interface, f"interleaf_media.{target}", config=config, summary=summary, calls=calls,
        capabilities=capabilities, extra=extra, deterministic=True,
    )  # fmt: skip


def _dataset(
    name: str, target: str, config: str, kind: str, summary: str, extra: str = ""
) -> ComponentSpec:
    opened = {"open": Call(gives={"data": f"dataset[{kind}]"})}
    return _spec(name, Dataset, target, config, summary, opened, ["Sized", "Indexed"], extra)


PICTURES = [
    _dataset("images", "components:Images", "ImagesConfig", "image",
             "a picture file, or a folder of them in natural order"),
    _dataset("sample", "components:Sample", "SampleConfig", "image",
             "photographs that come with scikit-image"),
    _spec("png", Renderer, "components:Png", "PngConfig", "a picture as PNG; 8 and 16 bits come back exactly",
          {"render": Call(needs={"image": "image"}, gives={"file": "bytes"})}),
    _spec("compress", Model, "components:Compress", "CompressConfig",
          "JPEG, WebP, AVIF and JPEG 2000 through Pillow, to compare with",
          {"encode": Call(needs={"image": "image"}, gives={"code": "bytes"}),
           "decode": Call(needs={"code": "bytes"}, gives={"image": "image"})}),
    _spec("resize", Model, "parts:Resize", "ResizeConfig",
          "a picture, or each frame of a clip, at another size",
          {"apply": Call(needs={"image": "image"}, gives={"image": "image"})}),
    _spec("fidelity", Evaluator, "components:Fidelity", "FidelityConfig",
          "PSNR, SSIM, MS-SSIM, LPIPS and others of a picture against its original",
          {"evaluate": Call(needs={"subject": "image", "reference": "image"}, gives={"report": "report"})}),
]  # fmt: skip
CLIPS = [
    _dataset("clips", "clips:Clips", "ClipsConfig", "clip",
             "videos, GIFs, APNGs or .npz, with their sound", "video"),
    _dataset("audio", "clips:Sounds", "AudioConfig", "audio", "sound files, or the sound of videos", "audio"),
    _spec("write_video", Renderer, "clips:WriteVideo", "WriteVideoConfig",
          "MP4, WebM, FFV1, GIF, APNG or .npz, equal bytes for equal input",
          {"render": Call(needs={"frames": "frames", "audio": "audio?"}, gives={"file": "bytes"})},
          extra="video"),
    _spec("frame", Model, "parts:Frame", "FrameConfig", "one picture of a clip",
          {"apply": Call(needs={"frames": "frames"}, gives={"image": "image"})}),
    _spec("assemble", Model, "parts:Assemble", "AssembleConfig", "pictures, in their order, as a clip",
          {"apply": Call(needs={"images": "dataset[image]"}, gives={"frames": "frames"})}),
    _spec("split", Model, "parts:Split", "", "a clip as its frames and its sound",
          {"apply": Call(needs={"clip": "clip"}, gives={"frames": "frames", "audio": "audio"})}),
    _spec("join", Model, "parts:Join", "", "frames and sound as a clip",
          {"apply": Call(needs={"frames": "frames", "audio": "audio?"}, gives={"clip": "clip"})}),
    _spec("video_fidelity", Evaluator, "judging:VideoFidelity", "VideoFidelityConfig",
          "a clip against its original: PSNR, SSIM, VMAF, LPIPS, motion, masks",
          {"evaluate": Call(needs={"subject": "frames", "reference": "frames?", "mask": "frames?",
                                   "first": "image?", "codes": "dataset[bytes]?", "file": "bytes?"},
                            gives={"report": "report"})}, ["Streaming"]),
]  # fmt: skip
SETS = [
    _spec("fid", Evaluator, "distributions:Fid", "FidConfig",
          "FID, KID or what is like them, of two sets of pictures",
          {"evaluate": Call(needs={"subject": "dataset[image]", "reference": "dataset[image]"},
                            gives={"report": "report"})}, extra="fid"),
    _spec("fvd", Evaluator, "distributions:Fvd", "FvdConfig", "FVD or what is like it, of two sets of clips",
          {"evaluate": Call(needs={"subject": "dataset[frames]", "reference": "dataset[frames]"},
                            gives={"report": "report"})}, extra="torch"),
]  # fmt: skip
PEOPLE = [
    _spec("rating", Renderer, "raters:Rating", "RatingConfig",
          "a page on which people choose between two results, blind",
          {"render": Call(needs={"items": "any*"}, gives={"page": "bytes"})}),
    _spec("ranks", Evaluator, "raters:Ranks", "RanksConfig",
          "what raters preferred: wins, mean ranks, Friedman test",
          {"evaluate": Call(gives={"report": "report"})}),
]  # fmt: skip
CHANGED = [
    _spec("augment", Model, "changing:Augment", "AugmentConfig",
          "a clip changed at random, every frame alike (kornia)",
          {"apply": Call(needs={"frames": "frames"}, gives={"frames": "frames"})}, extra="torch"),
    _spec("filter", Model, "changing:Filter", "FilterConfig", "colour and filters of kornia",
          {"apply": Call(needs={"image": "image"}, gives={"image": "image"})}, extra="torch"),
]  # fmt: skip
SHOWN = [
    _spec("contact_sheet", Renderer, "showing:ContactSheet", "SheetConfig",
          "frames spread over a clip, with their numbers and times",
          {"render": Call(needs={"frames": "frames"}, gives={"image": "image"})}),
    _spec("compose", Renderer, "showing:Compose", "LayoutConfig",
          "clips beside each other with captions, or each movement in one picture",
          {"render": Call(needs={"clips": "frames*"}, gives={"frames": "frames"})}),
    _spec("overlay", Renderer, "showing:Overlay", "OverlayConfig", "a clip with a mask tinted into it",
          {"render": Call(needs={"frames": "frames", "mask": "frames"}, gives={"frames": "frames"})}),
    _spec("flow", Model, "showing:Flow", "FlowConfig", "optical flow between neighbouring frames",
          {"apply": Call(needs={"frames": "frames"}, gives={"flow": "media.flow"})}, extra="flow"),
    _spec("flow_color", Renderer, "showing:FlowColor", "FlowColorConfig",
          "motion as colour, by the Middlebury wheel",
          {"render": Call(needs={"flow": "media.flow"}, gives={"frames": "frames"})}),
]  # fmt: skip

PLUGIN = Plugin(
    name="media",
    api=1,
    summary="pictures, video and sound in and out, and measures that name their weights",
    requires=["numpy", "PIL", "png", "scipy", "skimage", "tifffile"],
    components=[*PICTURES, *CLIPS, *SETS, *SHOWN, *CHANGED, *PEOPLE],
    kinds={"flow": "interleaf_media.showing:FlowField"},
    pipelines=["pipelines/compare.yaml", "pipelines/rate.yaml"],
    commands={
        "compare": "interleaf_media.commands:compare",
        "info": "interleaf_media.commands:info",
        "sheet": "interleaf_media.commands:sheet",
    },
)
