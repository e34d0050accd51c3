"""The paper's method as a Model and a Renderer."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.builtin.config import RampConfig
from interleaf.builtin.schedules import Cosine
from interleaf.errors import InvalidInput, WeightsMissing
from interleaf.interfaces import Context, Evaluator, Measure, Model, Renderer, Report
from interleaf.pipeline.calling import accepts
from interleaf.values import Artifact, Image, Item, Table
from interleaf_gaussianimage.checkpoint import Checkpoint
from interleaf_gaussianimage.config import (
    CurvesConfig,
    DrawConfig,
    FitConfig,
    GsiConfig,
    PaperConfig,
    RdConfig,
)
from interleaf_gaussianimage.curves import PUBLISHED, bd_rate, read_curve
from interleaf_gaussianimage.drawing import render
from interleaf_gaussianimage.fitting import Fitting, Rates
from interleaf_gaussianimage.initial import start
from interleaf_gaussianimage.splats import Floats, Splats, render_reference
from interleaf_media.reading import read_image
from interleaf_media.writing import to_integers

REPORT_EVERY = 20  # steps


class Fit(Model):
    """Fits Gaussians to a picture; goes on where a killed attempt left off."""

    Config = FitConfig

    def apply(self, image: Image | Floats | str | Path, ctx: Context | None = None) -> Splats:
        """Splats for an `Image`, an array [H, W] or [H, W, C] as in `Image`, or a picture's path."""
        config, ctx = self.config, ctx or Context()
        target = unit_samples(image)
        factors = self._factors()
        begin = start(target, config.points, ctx.rng, config.init)
        checkpoint = Checkpoint(ctx.resume)
        with Fitting(
            target,
            begin,
            Rates(config.position_rate, config.shape_rate, config.color_rate),
            rotation_scale=config.covariance == "rotation_scale",
            threads=ctx.threads or None,
        ) as fitting:
            checkpoint.restore(fitting)
            for factor in factors[fitting.step :]:
                fitting.advance(factor)
                checkpoint.save(fitting)
                if fitting.step % REPORT_EVERY == 0 or fitting.step == config.steps:
                    ctx.monitor.progress(fitting.step, config.steps, psnr=psnr_of(fitting.error()))
            return fitting.splats

    def _factors(self) -> list[float]:
        """The rate's value at every step."""
        steps = self.config.steps
        if not steps:
            return []
        default = Cosine(RampConfig(start=1.0, stop=0.02, length=steps))
        rate = self.config.rate or default
        values = next(iter(rate.table(np.arange(steps)).values()))
        return [float(v) for v in values]

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        ramp = np.linspace(0, 255, 20 * 30 * 3).reshape(20, 30, 3).astype(np.uint8)
        pictures = [
            Image(ramp),
            Image(ramp[:1, :1, :1]),
            Image(ramp[:, :, :1].astype(np.uint16) * 257),
        ]
        configs = [
            FitConfig(points=12, steps=45),
            FitConfig(points=3, steps=5, covariance="cholesky"),
        ]
        return {"configs": configs, "calls": {"apply": [{"image": p} for p in pictures]}}


class Draw(Renderer):
    """Draws splats as a float picture, clipped to 0..1."""

    Config = DrawConfig
    media_type = "application/x-interleaf-image"

    def render(self, splats: Splats, ctx: Context | None = None) -> Image:
        """A float32 `Image` of the whole, or of `window`, at `scale`."""
        window = self.config.window or None
        if window and (len(window) != 4 or min(window[2:]) < 1):
            raise InvalidInput(
                f"window is {list(window)}", hint="expected [x, y, width, height], at least 1×1"
            )
        draw: Callable[..., Floats] = render_reference
        options: dict[str, Any] = {}
        if self.config.backend == "numba":
            draw, options = render, {"threads": (ctx and ctx.threads) or None}
        pixels = draw(splats, window, self.config.scale, **options)
        return Image(np.clip(pixels, 0.0, 1.0).astype(np.float32))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        rng = np.random.default_rng(0)
        chol = rng.uniform(0.5, 3, (9, 3))
        splats = Splats(rng.uniform(0, 20, (9, 2)), chol, rng.uniform(0, 1, (9, 3)), 15, 21)
        configs = [
            DrawConfig(),
            DrawConfig(scale=1.5, window=(2, 3, 7, 5)),
            DrawConfig(backend="numpy"),
        ]
        return {"configs": configs, "calls": {"render": [{"splats": splats}]}}


class Gsi(Model):
    """Pictures as ``.gsi`` files."""

    Config = GsiConfig

    def encode(
        self, image: Image, splats: Splats | None = None, ctx: Context | None = None
    ) -> Artifact:
        """The file of a picture; ``splats`` are Gaussians fitted to it, to go on from."""
        from interleaf_gaussianimage.encoding import encode

        c, ctx = self.config, ctx or Context()
        if splats is not None and (splats.height, splats.width) != image.pixels.shape[:2]:
            raise InvalidInput("the splats were fitted to a picture of another size")
        try:
            data = encode(
                image.pixels, bpp=c.bpp, psnr=c.psnr, points=c.points, preset=c.preset, begin=splats,
                layers=c.layers, seed=int(ctx.rng.integers(1 << 31)), threads=ctx.threads or None,
                icc=image.icc, report=ctx.monitor.progress,
            )  # fmt: skip
        except ValueError as error:
            raise InvalidInput(str(error), hint="interleaf info gaussianimage.gsi") from None
        return Artifact(data, "image/x-gsi")

    def decode(self, code: Artifact, ctx: Context | None = None) -> Image:
        """The picture of a file, uint8 or uint16."""
        from interleaf_gaussianimage.codec import open_file
        from interleaf_gaussianimage.decoding import decode

        pixels = decode(code.data, threads=(ctx and ctx.threads) or None)
        return Image(pixels, open_file(code.data).icc)

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        ramp = np.linspace(0, 255, 24 * 40 * 3).reshape(24, 40, 3).astype(np.uint8)
        pictures = [Image(ramp), Image(ramp[:1, :1]), Image(ramp[:, :, :1].astype(np.uint16) * 257)]
        configs = [GsiConfig(bpp=2.0, preset="fast"), GsiConfig(points=20, preset="fast", layers=2)]
        code = Path(__file__).with_name("example.gsi")
        calls = {
            "encode": [{"image": p} for p in pictures],
            "decode": [{"code": Artifact(code.read_bytes(), "image/x-gsi")}],
        }
        return {"configs": configs, "calls": calls}


class Paper(Model):
    """The codec of the paper, to compare with."""

    Config = PaperConfig

    def encode(
        self, image: Image, splats: Splats | None = None, ctx: Context | None = None
    ) -> Artifact:
        """The file of a colour picture; ``splats`` are Gaussians fitted to it, to go on from."""
        from interleaf_gaussianimage.papercodec import Quantised

        c, ctx = self.config, ctx or Context()
        target = unit_samples(image)
        if target.shape[2] != 3:
            raise InvalidInput(f"{target.shape[2]} channels", hint="the paper's codec keeps three")
        if splats is None:
            fit = FitConfig(points=c.points, steps=c.fit_steps, covariance="cholesky")
            splats = Fit(fit).apply(image, ctx)
        with Quantised(target, splats, ctx.threads or None) as fitting:
            for step in range(c.steps):
                fitting.advance(0.3 * 0.05 ** (step / max(c.steps, 1)))
                ctx.monitor.progress(step + 1, c.steps)
            return Artifact(fitting.file(), "application/octet-stream")

    def decode(self, code: Artifact, ctx: Context | None = None) -> Image:
        """The picture, 8 bits."""
        from interleaf_gaussianimage.papercodec import read

        pixels = np.clip(render(read(code.data), threads=(ctx and ctx.threads) or None), 0, 1)
        return Image(np.rint(pixels * 255).astype(np.uint8))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        from interleaf_gaussianimage.papercodec import Quantised

        pixels = np.random.default_rng(0).integers(0, 256, (12, 18, 3)).astype(np.uint8)
        begin = start(unit_samples(Image(pixels)), 20, np.random.default_rng(0))
        with Quantised(unit_samples(Image(pixels)), begin) as fitting:
            code = Artifact(fitting.file(), "application/octet-stream")
        calls = {"encode": [{"image": Image(pixels)}], "decode": [{"code": code}]}
        return {"configs": [PaperConfig(points=20, fit_steps=5, steps=5)], "calls": calls}


class Rd(Evaluator):
    """What a file costs, and how near its picture is."""

    Config = RdConfig

    def evaluate(
        self, code: Artifact, subject: Image, reference: Image, ctx: Context | None = None
    ) -> Report:
        """Bits per pixel of the whole file, PSNR in dB over the samples of 8-bit pictures, and LPIPS."""
        a, b = (to_integers(i).pixels for i in (subject, reference))
        if a.shape != b.shape or a.dtype != b.dtype:
            told = f"{a.shape} {a.dtype} and {b.shape} {b.dtype}"
            raise InvalidInput(
                f"the pictures differ in form: {told}", hint="the file's own picture"
            )
        top = float(np.iinfo(b.dtype).max)
        error = np.square(a.astype(np.float64) - b).mean() / top**2
        bpp = (len(code.data) * 8 - self._refund(code)) / (b.shape[0] * b.shape[1])
        return Report(
            (
                Measure(name="bpp", value=bpp, n=1, direction="none"),
                Measure(name="psnr", value=psnr_of(error), unit="dB", n=1, direction="up"),
                self._lpips(subject, reference, ctx),
            )
        )

    def _refund(self, code: Artifact) -> float:
        from interleaf_gaussianimage.papercodec import bits_back, read

        return bits_back(len(read(code.data))) if self.config.bits_back else 0.0

    def _lpips(self, subject: Image, reference: Image, ctx: Context | None) -> Measure:
        missing = Measure(name="lpips", value=None, reason="weights missing", direction="down")
        if self.config.perceptual is None:
            return missing
        judge = self.config.perceptual
        lent = {"ctx": ctx} if accepts(judge.evaluate, "ctx") else {}
        try:
            found = judge.evaluate(subject=subject, reference=reference, **lent)
        except WeightsMissing as error:
            return replace(missing, reason=f"weights missing: {error}")
        measure = next((m for m in found.measures if m.name == "lpips"), None)
        if measure is None:
            raise InvalidInput(
                f"{type(judge).__name__} measures no lpips", hint="perceptual: one that does"
            )
        return measure

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        picture = Image(np.arange(60, dtype=np.uint8).reshape(4, 5, 3))
        code = Artifact(b"12345", "application/octet-stream")
        call = {"code": code, "subject": Image(picture.pixels + np.uint8(1)), "reference": picture}
        return {"configs": [RdConfig()], "calls": {"evaluate": [call]}}


class Curves(Model):
    """Mean curves of codecs from their reports, beside those that were published."""

    Config = CurvesConfig

    def apply(self, reports: Sequence[Item]) -> dict[str, Any]:
        """``table``: codec, setting, bpp, psnr (dB), lpips, source; ``report``: BD-rates between all curves.

        A codec is the step that a report comes from; reports hold bpp and psnr, means over pictures. Curves
        of the config that have no points are told as not compared.
        """
        rows, found = [], dict[str, list[tuple[float, float]]]()
        for item in reports:
            point = {m.name: m.value for m in item.value.measures if not m.group}
            if point.get("bpp") is None or point.get("psnr") is None:
                raise InvalidInput(
                    f"a report of {item.step} holds no bpp and psnr", hint="of gaussianimage.rd"
                )
            name, setting = item.step, ", ".join(map(str, item.coords.values()))
            lpips = point.get("lpips")
            judged = "weights missing" if lpips is None else f"{lpips:.4f}"
            rows.append((name, setting, point["bpp"], point["psnr"], judged, "measured"))
            found.setdefault(name, []).append((point["bpp"], point["psnr"]))
        given = self._given()
        for source, known in (
            ("read off the paper's plot", PUBLISHED),
            (self.config.coinpp, given),
        ):
            for name, curve in known.items():
                rows += [(name, "", bpp, psnr, "not told", source) for bpp, psnr in curve]
        names = ("codec", "setting", "bpp", "psnr (dB)", "lpips", "source")
        table = Table.from_rows([dict(zip(names, row, strict=True)) for row in rows])
        measures = [*_bd_rates(found, {**found, **PUBLISHED, **given})]
        if not given:
            measures += [_not_compared(name) for name in found]
        return {"table": table, "report": Report(tuple(measures))}

    def _given(self) -> dict[str, Any]:
        try:
            return {"COIN++": read_curve(self.config.coinpp)} if self.config.coinpp else {}
        except ValueError as error:
            raise InvalidInput(str(error), hint="columns: bpp,psnr") from None

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        items = [
            Item(
                Report((Measure(name="bpp", value=b), Measure(name="psnr", value=p, unit="dB"))),
                "ours", "", {"bpp": b},
            )
            for b, p in ((0.1, 25.0), (0.5, 29.0), (1.0, 31.0))
        ]  # fmt: skip
        return {"configs": [CurvesConfig()], "calls": {"apply": [{"reports": items}]}}


def _bd_rates(found: Mapping[str, Any], curves: Mapping[str, Any]) -> Iterator[Measure]:
    for name, curve in found.items():
        for other, reference in curves.items():
            if other != name:
                rate = bd_rate(curve, reference)
                yield Measure(
                    name=f"bd_rate_over_{other}", value=rate, unit="%", direction="down", group=name,
                    reason="" if rate is not None else "the curves share no quality",
                )  # fmt: skip


def _not_compared(name: str) -> Measure:
    reason = "not compared: nothing was published on these pictures; give points in coinpp"
    return Measure(
        name="bd_rate_over_COIN++",
        value=None,
        unit="%",
        direction="down",
        group=name,
        reason=reason,
    )


def unit_samples(image: Image | Floats | str | Path) -> Floats:
    """[H, W, C] float32 in 0..1 of a picture in any form; raises InvalidInput for what is none."""
    if isinstance(image, str | Path):
        image = read_image(Path(image))
    if isinstance(image, np.ndarray):
        image = Image(image[:, :, None] if image.ndim == 2 else image)
    if not isinstance(image, Image):
        raise InvalidInput(
            f"a {type(image).__name__} is no picture", hint="give an Image, an array or a path"
        )
    pixels = image.pixels
    if pixels.size == 0 or not np.isfinite(pixels).all():
        raise InvalidInput(
            f"the picture {pixels.shape} has no pixels, or samples that are not finite",
            hint="give a picture of at least 1×1 with finite samples",
        )
    top = 1.0 if pixels.dtype == np.float32 else np.iinfo(pixels.dtype).max
    return (pixels / np.float32(top)).astype(np.float32)


def psnr_of(error: float) -> float:
    """dB for a mean squared error of samples in 0..1; 100 stands for anything better."""
    return float(-10.0 * np.log10(max(error, 1e-10)))
