"""Networks that hold a picture, as codecs (extra ``[torch]``)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import torch

from interleaf.errors import InvalidInput
from interleaf.interfaces import Context, Model
from interleaf.values import Artifact, Image
from interleaf_gaussianimage.checkpoint import Checkpoint
from interleaf_gaussianimage.components import REPORT_EVERY, psnr_of, unit_samples
from interleaf_gaussianimage.config import CoinConfig, HashGridConfig, SirenConfig, WireConfig
from interleaf_gaussianimage.inr import Training, draw
from interleaf_gaussianimage.inrfile import KINDS, read, write


class Network(Model):
    """A picture as the parameters of a network that is trained on it; goes on where it was killed."""

    kind: ClassVar[str]

    def encode(self, image: Image, ctx: Context | None = None) -> Artifact:
        """The network's file. `progress` tells dB over the last batches."""
        config, ctx = self.config, ctx or Context()
        target = unit_samples(image)
        arguments = {name: getattr(config, name) for name in KINDS[self.kind].arguments}
        if arguments.get("finest", 1) < arguments.get("base", 1):
            raise InvalidInput("finest is below base", hint="finest >= base")
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(ctx.seed % (1 << 63))
            network = KINDS[self.kind].build(target.shape[2], *arguments.values())
        training = Training(
            network, target, config.rate, config.steps, config.batch, config.minutes, ctx.seed
        )
        checkpoint = Checkpoint(ctx.resume)
        checkpoint.restore(training)
        while training.progress < 1 and training.step < config.steps:
            training.advance()
            checkpoint.save(training)
            if training.step % REPORT_EVERY == 0 or training.progress == 1:
                told = round(training.progress * config.steps)
                ctx.monitor.progress(told, config.steps, psnr=psnr_of(training.error))
        if not all(torch.isfinite(p).all() for p in network.parameters()):
            raise InvalidInput("the network's parameters grew without bound", hint="a lower rate")
        data = write(network, self.kind, arguments, target.shape, config.bits)
        return Artifact(data, "application/octet-stream")

    def decode(self, code: Artifact) -> Image:
        """The picture, 8 bits."""
        pixels = np.clip(draw(*read(code.data)), 0, 1)
        return Image(np.rint(pixels * 255).astype(np.uint8))

    @classmethod
    def examples(cls) -> Mapping[str, Any]:
        """What the conformance kit tries."""
        pixels = np.random.default_rng(0).integers(0, 256, (9, 14, 3)).astype(np.uint8)
        pictures = [Image(pixels), Image(pixels[:1, :1, :1])]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            arguments = {name: getattr(cls._small(), name) for name in KINDS[cls.kind].arguments}
            network = KINDS[cls.kind].build(3, *arguments.values())
        code = Artifact(
            write(network, cls.kind, arguments, (9, 14, 3), 16), "application/octet-stream"
        )
        calls = {"encode": [{"image": p} for p in pictures], "decode": [{"code": code}]}
        return {"configs": [cls._small()], "calls": calls}

    @classmethod
    def _small(cls) -> Any:
        return cls.Config(width=6, layers=2, steps=3, batch=20)


class Siren(Network):
    """SIREN: sines of sines of coordinates."""

    Config, kind = SirenConfig, "siren"


class Coin(Network):
    """COIN: a small SIREN kept in 16 bits a parameter."""

    Config, kind = CoinConfig, "siren"


class Wire(Network):
    """WIRE: complex Gabor wavelets of coordinates."""

    Config, kind = WireConfig, "wire"


class HashGrid(Network):
    """Grids of learned features, hashed, and a small network."""

    Config, kind = HashGridConfig, "hashgrid"

    @classmethod
    def _small(cls) -> Any:
        return HashGridConfig(
            levels=3, table=5, base=2, finest=9, width=6, layers=1, steps=3, batch=20
        )
