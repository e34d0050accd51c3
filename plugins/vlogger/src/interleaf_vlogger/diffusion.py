"""Denoising movement: what is minimised, and how windows of any number are drawn one after another.

Both groups predict the clean movement. Lips do so directly. The body's is whitened (`whitening`), z = W x,
and the network only adds to what a Gaussian with the data's spectrum would give, and scales it:

    z_0 = sqrt(a) z_t (1 + (1 - a) G) + sqrt(1 - a) F,    (F, G)(z_t, x_t, sound),    loss / (1 - a)

with a the cumulative product of the schedule (squared cosine, arXiv 2102.09672). G is there because a loud
voice does not say where an arm goes, only that it goes further: for a Gaussian of variance v, G is
(v - 1) / (a v + 1 - a), which stays finite at every step.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from interleaf_vlogger.network import Denoiser

Also = Callable[[Tensor, Tensor], Tensor]
TRAINED = 1000  # diffusion steps
WINDOW, BLOCK = 64, 32  # frames denoised together, and new ones of them


def cosine() -> Tensor:
    """a [1000], the part of the variance that is movement."""
    t = (torch.arange(TRAINED + 1, dtype=torch.float64) / TRAINED + 0.008) / 1.008
    f = torch.cos(t * torch.pi / 2) ** 2
    beta = (1 - f[1:] / f[:-1]).clamp(max=0.999)
    return torch.cumprod(1 - beta, 0).float()


class Group(nn.Module):
    """A part of the person: its network, and the units its movement is drawn in.

    With ``shaping`` [K, 64, 64] the unit is white noise that shaping makes into components; without, the
    components themselves, divided by ``scale`` [K].
    """

    alphas: Tensor
    mean: Tensor
    basis: Tensor
    scale: Tensor
    shaping: Tensor
    unshaping: Tensor

    def __init__(
        self, dims: int, components: int, sound: int, white: bool, width: int, layers: int
    ) -> None:
        super().__init__()
        self.white = white
        twice = 2 * components if white else components
        self.net = Denoiser(twice, twice, sound, width, layers)
        self.register_buffer("alphas", cosine(), persistent=False)
        self.register_buffer("mean", torch.zeros(dims))
        self.register_buffer("basis", torch.eye(components, dims))
        self.register_buffer("scale", torch.ones(components))
        eye = torch.eye(WINDOW).expand(components, -1, -1).clone()
        self.register_buffer("shaping", eye if white else torch.zeros(0))
        self.register_buffer("unshaping", eye.clone() if white else torch.zeros(0))

    def units(self, x: Tensor) -> Tensor:
        """[B, T, D] as what is diffused [B, T, K]."""
        y = (x - self.mean) @ self.basis.T
        if not self.white:
            return y / self.scale
        t = x.shape[1]
        return torch.einsum("kts,bsk->btk", self.unshaping[:, :t, :t], y)

    def shaped(self, z: Tensor) -> Tensor:
        """Components [B, T, K] of units, divided by their scale."""
        if not self.white:
            return z
        t = z.shape[1]
        return torch.einsum("kts,bsk->btk", self.shaping[:, :t, :t], z) / self.scale

    def movement(self, z: Tensor) -> Tensor:
        """[B, T, D] of units [B, T, K]."""
        return (self.shaped(z) * self.scale) @ self.basis + self.mean

    def clean(self, z: Tensor, sound: Tensor, step: Tensor) -> Tensor:
        """The clean units that noisy ones [B, T, K] at ``step`` [B] (0..999) come from, with the network's
        ``sound`` [B, T, d]."""
        a = self.alphas[step][:, None, None]
        given = torch.cat((z, self.shaped(z)), -1) if self.white else z
        found = self.net(given, sound, (step + 1) / TRAINED)
        if not self.white:
            return found
        added, gain = found.chunk(2, -1)
        return a.sqrt() * z * (1 + (1 - a) * gain) + (1 - a).sqrt() * added


class Denoising(nn.Module):
    """The objective (equation 1): squared error of the clean units, and of their change between frames.

    ``smooth``: the weight of the change, the paper's lambda_temp, for units that are not whitened.
    ``drop``: how often the sound is left out. ``also``: what else is wrong with found movement [B, T, D]
    beside the true one: an error [B, T] that is added.
    """

    def __init__(
        self, group: Group, smooth: float, drop: float = 0.1, also: Also | None = None
    ) -> None:
        super().__init__()
        self.group, self.smooth, self.drop, self.also = group, smooth, drop, also

    def forward(self, movement: Tensor, heard: Tensor) -> tuple[Tensor, int]:
        """[B, T, D] and [B, T, W A] to the summed loss and the number of frames."""
        g = self.group
        b, t, _ = movement.shape
        z = g.units(movement)
        step = torch.randint(TRAINED, (b,), device=z.device)
        a = g.alphas[step][:, None, None]
        noisy = a.sqrt() * z + (1 - a).sqrt() * torch.randn_like(z)
        sound = g.net.sound(heard, torch.rand(b, device=z.device) < self.drop)
        found = g.clean(noisy, sound, step)
        wrong = found - z
        loss = wrong.square()
        if g.white:
            loss = loss / (1 - a).clamp(min=1e-3)
        total = loss.mean(-1).sum()
        if self.smooth and not g.white:
            total = total + self.smooth * (wrong[:, 1:] - wrong[:, :-1]).square().mean(-1).sum()
        if self.also:
            total = total + self.also(g.movement(found), movement).sum()
        return total, b * t


@torch.inference_mode()
def denoised(
    group: Group, noise: Tensor, heard: Tensor, past: Tensor | None, weight: Tensor, steps: int
) -> Tensor:
    """New movements [B, n, D] after ``past`` [m, D], one for each noise (DDIM, arXiv 2010.02502, without
    noise of its own).

    ``noise`` [B, m + n, K], ``heard`` [m + n, W A]; at every step the past is set to what it was, at that
    step's noise (outpainting, section 3.2). ``weight`` [m + n]: of the guidance, 1 for none.
    """
    b, known = len(noise), 0 if past is None else len(past)
    # later frames do not change the units of earlier ones
    before = None if past is None else group.units(past[None]).expand(b, -1, -1)
    z, places = noise, torch.linspace(TRAINED - 1, 0, steps).round().long()
    guided, w = bool((weight != 1).any()), weight[:, None]
    sound = group.net.sound(heard[None], torch.zeros(1, dtype=torch.bool)).expand(b, -1, -1)
    if guided:  # with and without sound in one batch
        sound = torch.cat((sound, group.net.nothing.expand_as(sound)))
    for i, place in enumerate(places):
        a = group.alphas[place]
        if before is not None:
            z = torch.cat((a.sqrt() * before + (1 - a).sqrt() * noise[:, :known], z[:, known:]), 1)
        found = group.clean(z.repeat(len(sound) // b, 1, 1), sound, place.expand(len(sound)))
        if guided:
            hearing, deaf = found.chunk(2)
            found = deaf + w * (hearing - deaf)
        if before is not None:
            found = torch.cat((before, found[:, known:]), 1)
        if i + 1 == len(places):
            return group.movement(found)[:, known:]
        rest = (z - a.sqrt() * found) / (1 - a).sqrt()
        later = group.alphas[places[i + 1]]
        z = later.sqrt() * found + (1 - later).sqrt() * rest
    raise AssertionError("at least one step")
