"""The descriptor of ``gaussianimage``."""

from interleaf.interfaces import Evaluator, Model, Renderer
from interleaf.plugin import Call, Plugin, component

CODEC = {
    "encode": Call(needs={"image": "image"}, gives={"code": "bytes"}),
    "decode": Call(needs={"code": "bytes"}, gives={"image": "image"}),
}
NETWORKS = [
    component(
        name,
        Model,
        f"interleaf_gaussianimage.baselines:{cls}",
        config=f"{cls}Config",
        calls=CODEC,
        capabilities=["Codec"],
        deterministic=True,
        summary=f"to compare with: {summary}",
        extra="torch",
    )
    for name, cls, summary in (
        ("siren", "Siren", "a picture as a SIREN network's parameters"),
        ("wire", "Wire", "a picture as a WIRE network's parameters"),
        ("hashgrid", "HashGrid", "a picture as hashed grids of features and a small network"),
        ("coin", "Coin", "a picture as a small SIREN in 16 bits a parameter (COIN)"),
    )
]

PLUGIN = Plugin(
    name="gaussianimage",
    api=1,
    summary="images as sums of 2D Gaussians: fit a photograph, draw it at any scale",
    paper="arXiv:2403.08551",
    requires=["numba", "numpy"],
    components=[
        component(
            "fit",
            Model,
            "interleaf_gaussianimage.components:Fit",
            config="FitConfig",
            calls={
                "apply": Call(needs={"image": "image"}, gives={"splats": "gaussianimage.splats"})
            },
            deterministic=True,
            summary="a picture to Gaussians, by gradient descent",
        ),
        component(
            "draw",
            Renderer,
            "interleaf_gaussianimage.components:Draw",
            config="DrawConfig",
            calls={
                "render": Call(needs={"splats": "gaussianimage.splats"}, gives={"image": "image"})
            },
            deterministic=True,
            summary="Gaussians to a picture, any part at any scale",
        ),
        component(
            "gsi",
            Model,
            "interleaf_gaussianimage.components:Gsi",
            config="GsiConfig",
            calls={
                "encode": Call(
                    needs={"image": "image", "splats": "gaussianimage.splats?"},
                    gives={"code": "bytes"},
                ),
                "decode": Call(needs={"code": "bytes"}, gives={"image": "image"}),
            },
            capabilities=["Codec"],
            deterministic=True,
            summary="a picture to the bytes of a .gsi file, and back",
        ),
        component(
            "paper",
            Model,
            "interleaf_gaussianimage.components:Paper",
            config="PaperConfig",
            calls={
                "encode": Call(
                    needs={"image": "image", "splats": "gaussianimage.splats?"},
                    gives={"code": "bytes"},
                ),
                "decode": Call(needs={"code": "bytes"}, gives={"image": "image"}),
            },
            capabilities=["Codec"],
            deterministic=True,
            summary="the paper's own codec: 56 bits for each Gaussian",
        ),
        component(
            "rd",
            Evaluator,
            "interleaf_gaussianimage.components:Rd",
            config="RdConfig",
            calls={
                "evaluate": Call(
                    needs={"code": "bytes", "subject": "image", "reference": "image"},
                    gives={"report": "report"},
                )
            },
            deterministic=True,
            summary="bits per pixel of a file, PSNR and LPIPS of its picture",
        ),
        component(
            "curves",
            Model,
            "interleaf_gaussianimage.components:Curves",
            config="CurvesConfig",
            calls={
                "apply": Call(
                    needs={"reports": "report*"}, gives={"table": "table", "report": "report"}
                )
            },
            deterministic=True,
            summary="rate-distortion curves of codecs, and BD-rates between them and published ones",
        ),
        *NETWORKS,
        component(
            "speed",
            Evaluator,
            "interleaf_gaussianimage.timing:Speed",
            config="SpeedConfig",
            calls={
                "evaluate": Call(
                    needs={"model": "model", "image": "image"}, gives={"report": "report"}
                )
            },
            summary="time, memory and decoding speed of a model on a picture",
        ),
        component(
            "times",
            Model,
            "interleaf_gaussianimage.timing:Times",
            calls={
                "apply": Call(
                    needs={"reports": "report*"}, gives={"table": "table", "report": "report"}
                )
            },
            deterministic=True,
            summary="who reaches which PSNR when",
        ),
    ],
    commands={
        name: f"interleaf_gaussianimage.commands:{name}"
        for name in ("encode", "decode", "info", "verify", "bench")
    },
    kinds={"splats": "interleaf_gaussianimage.splats:Splats"},
    pipelines=[
        "pipelines/photo.yaml",
        "pipelines/ladder.yaml",
        "pipelines/kodak-rd.yaml",
        "pipelines/versus-inr.yaml",
    ],
)
