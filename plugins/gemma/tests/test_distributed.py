"""Two processes compute what one computes: tensor parallel and FSDP2, forward and backward."""

from __future__ import annotations

import pytest
import torch
import torch.multiprocessing as mp
from torch import distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor
from torch.nn import functional as F

from interleaf_gemma import Gemma, GemmaConfig
from interleaf_gemma.distributed import parallelize, shard

SIZES = {
    "d_model": 32,
    "layers": 2,
    "heads": 4,
    "head_dim": 16,
    "d_ff": 64,
    "vocab_size": 96,
    "context": 32,
}


def made(kv_heads: int) -> Gemma:
    return Gemma(GemmaConfig(kv_heads=kv_heads, **SIZES)).train()


def loss_of(model: torch.nn.Module, ids: torch.Tensor) -> torch.Tensor:
    logits, _ = model(ids)
    return F.cross_entropy(logits[:, :-1].flatten(0, 1), ids[:, 1:].flatten())


def batch() -> torch.Tensor:
    return torch.randint(0, 96, (4, 12), generator=torch.Generator().manual_seed(1))


def whole(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def tensor_parallel(rank: int, kv_heads: int) -> dict[str, torch.Tensor]:
    """Both processes read the whole batch."""
    model = parallelize(made(kv_heads), init_device_mesh("cpu", (2,)))
    loss = loss_of(model, batch())
    loss.backward()
    grads = {name: whole(p.grad).clone() for name, p in model.named_parameters()}
    model.eval()
    with torch.no_grad():
        logits, cache = model(batch()[:, :6])
        more, _ = model(batch()[:, 6:], cache=cache)
    return {"loss": loss.detach(), "logits": torch.cat([logits, more], 1), **grads}


def fully_sharded(rank: int, kv_heads: int) -> dict[str, torch.Tensor]:
    """Each process reads half of the batch."""
    model = shard(made(kv_heads), init_device_mesh("cpu", (2,)))
    loss = loss_of(model, batch()[2 * rank : 2 * rank + 2])
    loss.backward()
    grads = {name: whole(p.grad).clone() for name, p in model.named_parameters()}
    dist.all_reduce(loss)
    return {"loss": loss.detach() / 2, **grads}


CASES = [(work, kv_heads) for work in (tensor_parallel, fully_sharded) for kv_heads in (1, 4)]


def process(rank: int, folder: str) -> None:
    """All cases in one pair of processes: starting them is what takes time."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meet", rank=rank, world_size=2)
    found = [work(rank, kv_heads) for work, kv_heads in CASES]
    if rank == 0:
        torch.save(found, f"{folder}/found.pt")
    dist.destroy_process_group()


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, torch.Tensor]]:
    folder = tmp_path_factory.mktemp("two")
    mp.spawn(process, args=(str(folder),), nprocs=2)
    return torch.load(folder / "found.pt", weights_only=True)


@pytest.mark.parametrize("case", range(4), ids=lambda n: f"{CASES[n][0].__name__}-{CASES[n][1]}")
def test_two_processes_compute_what_one_computes(
    case: int, found: list[dict[str, torch.Tensor]]
) -> None:
    theirs, model = dict(found[case]), made(CASES[case][1])
    loss = loss_of(model, batch())
    loss.backward()
    assert theirs.pop("loss").item() == pytest.approx(loss.item(), abs=1e-6)
    if "logits" in theirs:
        with torch.no_grad():
            assert torch.allclose(theirs.pop("logits"), model(batch())[0], atol=1e-5)
    expected = {name: p.grad for name, p in model.named_parameters()}
    assert theirs.keys() == expected.keys()
    for name, grad in expected.items():
        assert torch.allclose(theirs[name], grad, atol=1e-6), name


def test_heads_that_cannot_be_split_are_refused() -> None:
    class Three:
        def size(self) -> int:
            return 3

    with pytest.raises(ValueError, match="4 heads"):
        parallelize(made(1), Three())  # type: ignore[arg-type]
