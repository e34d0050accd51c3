"""The descriptor of ``media``."""

from interleaf.interfaces import Dataset, Evaluator, Model, Renderer
from interleaf.plugin import Call, Plugin, component

PLUGIN = Plugin(
    name="media",
    api=0,
    summary="pictures in and out, and fidelity measures (PSNR, SSIM, MS-SSIM)",
    requires=["numpy", "PIL", "png", "scipy", "skimage", "tifffile"],
    components=[
        component(
            "images",
            Dataset,
            "interleaf_media.components:Images",
            config="ImagesConfig",
            calls={"open": Call(gives={"data": "dataset[image]"})},
            capabilities=["Sized", "Indexed"],
            deterministic=True,
            summary="a picture file, or a folder of them in natural order",
        ),
        component(
            "sample",
            Dataset,
            "interleaf_media.components:Sample",
            config="SampleConfig",
            calls={"open": Call(gives={"data": "dataset[image]"})},
            capabilities=["Sized", "Indexed"],
            deterministic=True,
            summary="photographs that come with scikit-image",
        ),
        component(
            "png",
            Renderer,
            "interleaf_media.components:Png",
            config="PngConfig",
            calls={"render": Call(needs={"image": "image"}, gives={"file": "bytes"})},
            deterministic=True,
            summary="a picture as PNG; 8 and 16 bits come back exactly",
        ),
        component(
            "compress",
            Model,
            "interleaf_media.components:Compress",
            config="CompressConfig",
            calls={
                "encode": Call(needs={"image": "image"}, gives={"code": "bytes"}),
                "decode": Call(needs={"code": "bytes"}, gives={"image": "image"}),
            },
            deterministic=True,
            summary="JPEG, WebP, AVIF and JPEG 2000 through Pillow, to compare with",
        ),
        component(
            "fidelity",
            Evaluator,
            "interleaf_media.components:Fidelity",
            config="FidelityConfig",
            calls={
                "evaluate": Call(
                    needs={"subject": "image", "reference": "image"}, gives={"report": "report"}
                )
            },
            deterministic=True,
            summary="PSNR, SSIM and MS-SSIM of a picture against its original",
        ),
    ],
)
