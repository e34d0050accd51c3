"""The policy: a two-layer transformer over a negotiation as one agent sees it.

A sequence is ⟨begin, role, 3 counts, 3 own values⟩ and 3 tokens a move: what *I* would get of each
kind, or ⟨accept, pad, pad⟩. The loss counts the agent's own moves alone. Knows nothing of the framework.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from interleaf_sotopia.bargaining.game import (
    ACCEPT,
    ILLEGAL,
    KINDS,
    MOVES,
    OFFER,
    Array,
    Deals,
    Games,
)

NUMBERS = 11
ACCEPTED, PAD, BEGIN, ROLE = NUMBERS, NUMBERS + 1, NUMBERS + 2, NUMBERS + 3
VOCABULARY = NUMBERS + 5
HEAD = 2 + 2 * KINDS
LENGTH = HEAD + MOVES * KINDS


class Net(nn.Module):
    """Tokens B×L → logits B×L×vocabulary."""

    def __init__(self, d_model: int = 64, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.token = nn.Embedding(VOCABULARY, d_model)
        self.place = nn.Embedding(LENGTH, d_model)
        self.owner = nn.Embedding(2, d_model)
        self.blocks = nn.ModuleList(Block(d_model, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(d_model)
        self.head = nn.Linear(d_model, VOCABULARY)

    def forward(self, tokens: Tensor, owner: Tensor, past: list[Any] | None = None) -> Tensor:
        """``past``: the keys and values of earlier tokens, a list that is extended in place."""
        begun = past[0][0].shape[2] if past and past[0] else 0
        places = torch.arange(begun, begun + tokens.shape[1])
        x = self.token(tokens) + self.place(places) + self.owner(owner)
        for n, block in enumerate(self.blocks):
            x = block(x, past, n)
        return self.head(self.norm(x))


class Block(nn.Module):
    """Attention and a perceptron, each behind a norm."""

    def __init__(self, d_model: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.one, self.two = nn.LayerNorm(d_model), nn.LayerNorm(d_model)
        self.qkv, self.out = nn.Linear(d_model, 3 * d_model), nn.Linear(d_model, d_model)
        self.up, self.down = nn.Linear(d_model, 4 * d_model), nn.Linear(4 * d_model, d_model)

    def forward(self, x: Tensor, past: list[Any] | None, n: int) -> Tensor:
        """x B×L×D."""
        b, length, d = x.shape
        q, k, v = (
            t.view(b, length, self.heads, -1).transpose(1, 2)
            for t in self.qkv(self.one(x)).chunk(3, -1)
        )
        if past is not None:
            if past[n]:
                k, v = torch.cat([past[n][0], k], 2), torch.cat([past[n][1], v], 2)
            past[n] = (k, v)
        mask = torch.ones(length, k.shape[2], dtype=torch.bool).tril(k.shape[2] - length)
        seen = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        x = x + self.out(seen.transpose(1, 2).reshape(b, length, d))
        return x + self.down(functional.gelu(self.up(self.two(x))))


class OwnMoves(nn.Module):
    """Cross-entropy of the agent's own tokens, summed, and how many there were."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.net = net

    def forward(self, tokens: Tensor, owner: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        """tokens, owner, counted B×L; position i predicts token i + 1 where that is counted."""
        logits = self.net(tokens[:, :-1], owner[:, :-1])
        wanted = torch.where(counted[:, 1:], tokens[:, 1:], -100)
        loss = functional.cross_entropy(
            logits.flatten(0, 1), wanted.flatten(), reduction="sum", ignore_index=-100
        )
        return loss, counted[:, 1:].sum()


def owners(role: int, length: int = LENGTH) -> Array:
    """1 where a token is the agent's own: its head and its moves."""
    mine = np.ones(length, int)
    moves = (np.arange(HEAD, length) - HEAD) // KINDS
    mine[HEAD:] = moves % 2 == role
    return mine


def head(deals: Deals, role: int) -> Array:
    """n×8: what an agent knows at the start."""
    n = len(deals)
    fixed = np.tile([BEGIN, ROLE + role], (n, 1))
    return np.concatenate([fixed, deals.counts, deals.values[:, role]], 1)


def view(games: Games, role: int) -> tuple[Array, Array]:
    """Whole games as an agent saw them: tokens n×L, and which of them it said (illegal moves are no
    example to learn from)."""
    n = len(games.deals)
    tokens = np.full((n, LENGTH), PAD)
    said = np.zeros((n, LENGTH), bool)
    tokens[:, :HEAD] = head(games.deals, role)
    for t in range(MOVES):
        kind, here = games.moved[:, t], slice(HEAD + KINDS * t, HEAD + KINDS * (t + 1))
        share = games.share(games.offers[:, t], role)
        tokens[:, here] = np.where((kind == OFFER)[:, None], share, PAD)
        tokens[kind == ACCEPT, HEAD + KINDS * t] = ACCEPTED
        if t % 2 == role:
            said[:, here] = ((kind == OFFER) | (kind == ACCEPT))[:, None]
    return tokens, said


class Negotiator:
    """A net that plays: many games at once, each a row of a cache that grows with the games.

    ``resample``: how often an illegal move is drawn again.
    """

    def __init__(self, net: Net, seed: int, temperature: float = 1.0, resample: int = 0) -> None:
        self.net, self.temperature, self.resample = net.eval(), temperature, resample
        self.generator = torch.Generator().manual_seed(seed % 2**63)
        self.past: list[Any] = []
        self.rows: Array = np.zeros(0, int)
        self.fed = 0

    @torch.inference_mode()
    def __call__(self, games: Games, rows: Array, agent: int) -> tuple[Array, Array]:
        """Kind and share of the move in each game."""
        self._keep(games, rows)
        tokens, _ = view(games, agent)
        place, mine = HEAD + KINDS * games.turn, torch.as_tensor(owners(agent))
        new = torch.as_tensor(tokens[rows, self.fed : place])
        logits = self.net(new, mine[self.fed : place].expand(len(rows), -1), self.past)[:, -1]
        self.fed = place
        drawn = self._draw(logits, mine, place)
        kind, keeps = _read(drawn)
        for _ in range(self.resample):
            bad = np.flatnonzero(~games.legal(kind, keeps, rows))
            if not len(bad):
                break
            drawn[bad] = self._draw(logits[bad], mine, place, bad)
            kind, keeps = _read(drawn)
        return kind, keeps

    def _keep(self, games: Games, rows: Array) -> None:
        if games.turn < 2:
            self.past, self.rows, self.fed = [()] * len(self.net.blocks), rows, 0
        elif len(rows) != len(self.rows):
            chosen = torch.as_tensor(np.searchsorted(self.rows, rows))
            self.past = [(k[chosen], v[chosen]) for k, v in self.past]
            self.rows = rows

    def _draw(self, logits: Tensor, mine: Tensor, place: int, rows: Any = None) -> Array:
        """Three tokens for each row; the cache is left as it was."""
        past = [(k, v) if rows is None else (k[rows], v[rows]) for k, v in self.past]
        drawn: list[Tensor] = []
        for step in range(KINDS):
            chances = torch.softmax(logits / max(self.temperature, 1e-6), -1)
            drawn.append(torch.multinomial(chances, 1, generator=self.generator))
            if step + 1 < KINDS:
                owner = mine[place + step].expand(len(logits), 1)
                logits = self.net(drawn[-1], owner, past)[:, -1]
        return torch.cat(drawn, 1).numpy()


def _read(drawn: Array) -> tuple[Array, Array]:
    accepts = drawn[:, 0] == ACCEPTED
    kind = np.where(accepts, ACCEPT, np.where((drawn < NUMBERS).all(1), OFFER, ILLEGAL))
    return kind, drawn
