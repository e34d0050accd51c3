"""Three formats, read and written; what is damaged or of another model is refused."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from interleaf.errors import CorruptData, InvalidInput
from interleaf_gemma import Gemma, GemmaConfig
from interleaf_gemma.checkpoints import EMBEDDING, HEAD, Found, fitted
from interleaf_gemma.hf import INDEX, WHOLE, write
from interleaf_gemma.shipped import FOLDER


def same(a: Gemma, b: Gemma, norms: float = 0.0) -> None:
    assert a.config == b.config
    for (name, p), q in zip(a.named_parameters(), b.parameters(), strict=True):
        far = (p.float() - q.float()).abs().max().item()
        assert far <= (norms if name.endswith("norm.weight") else 0.0), name


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_all_formats_in_a_circle(pair: tuple[Any, Gemma], tmp_path: Path, dtype: str) -> None:
    _, first = pair
    first = first.to(getattr(torch, dtype))
    first.save(tmp_path / "a.ckpt", "official")
    second = Gemma.load(tmp_path / "a.ckpt")
    same(first, second)
    second.save(tmp_path / "b.gguf", "gguf")
    third = Gemma.load(tmp_path / "b.gguf")
    third.save(tmp_path / "c")
    fourth = Gemma.load(tmp_path / "c")
    assert fourth.dtype == first.dtype
    one = 2.0**-23 if dtype == "float32" else 2.0**-9  # an ulp of 1 + w
    same(first, fourth, norms=one)


@torch.no_grad()
def test_transformers_reads_what_we_write(pair: tuple[Any, Gemma], tmp_path: Path) -> None:
    theirs, model = pair
    write(model.config, dict(model.state_dict()), tmp_path, shard=20_000)
    assert len(list(tmp_path.glob("model-*-of-*.safetensors"))) > 2
    again = type(theirs).from_pretrained(tmp_path)
    ids = torch.arange(3, 30)[None]
    assert torch.allclose(again(ids).logits, theirs(ids).logits, atol=1e-5)
    same(model, Gemma.load(tmp_path))


def test_old_and_new_config_files(pair: tuple[Any, Gemma], tmp_path: Path) -> None:
    file = tmp_path / "hf" / "config.json"
    data = json.loads(file.read_text())
    data.pop("rope_parameters", None)
    data.pop("hidden_activation", None)
    old = {**data, "rope_theta": 5000.0, "hidden_act": "gelu"}
    with pytest.warns(UserWarning, match="gelu_pytorch_tanh"):
        found = GemmaConfig.from_hf(old)
    assert (found.rope_base, found.activation) == (5000.0, "gelu_tanh")
    new = {**data, "rope_parameters": {"rope_theta": 7000.0, "rope_type": "default"}}
    assert GemmaConfig.from_hf(new).rope_base == 7000.0


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"model_type": "llama"}, "model_type"),
        ({"head_dim": None}, "head_dim"),
        ({"attention_bias": True}, "biases"),
        ({"tie_word_embeddings": False}, "tie"),
        ({"hidden_act": "relu", "hidden_activation": None}, "relu"),
        ({"num_attention_heads": 7, "num_key_value_heads": 2}, "share"),
        ({"hidden_size": "many"}, "hidden_size"),
        ({"rope_scaling": {"type": "linear"}}, "scaled"),
    ],
)
def test_configs_that_are_not_gemmas(
    pair: tuple[Any, Gemma], tmp_path: Path, change: dict[str, Any], match: str
) -> None:
    file = tmp_path / "hf" / "config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **change}))
    with pytest.raises(InvalidInput, match=match):
        Gemma.load(tmp_path / "hf")


@pytest.fixture
def shards(tmp_path: Path, small: Gemma) -> Path:
    write(small.config, dict(small.state_dict()), tmp_path / "s", shard=30_000)
    return tmp_path / "s"


def _drop_shard(folder: Path) -> None:
    sorted(folder.glob("model-*"))[1].unlink()


def _rename_shard(folder: Path) -> None:
    first = sorted(folder.glob("model-*"))[0]
    first.rename(folder / "model-00009-of-00009.safetensors")


def _cut_shard(folder: Path) -> None:
    first = sorted(folder.glob("model-*"))[0]
    first.write_bytes(first.read_bytes()[:-100])


def _unlist(folder: Path) -> None:
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"].pop("model.norm.weight")
    (folder / INDEX).write_text(json.dumps(index))


def _list_more(folder: Path) -> None:
    index = json.loads((folder / INDEX).read_text())
    index["weight_map"]["model.layers.7.mlp.up_proj.weight"] = sorted(index["weight_map"].values())[
        0
    ]
    (folder / INDEX).write_text(json.dumps(index))


def _no_index(folder: Path) -> None:
    (folder / INDEX).unlink()


def _broken_index(folder: Path) -> None:
    (folder / INDEX).write_text("{")


def _outside(folder: Path) -> None:
    text = (folder / INDEX).read_text()
    (folder / INDEX).write_text(text.replace("model-00001", "../model-00001"))


@pytest.mark.parametrize(
    "spoil",
    [
        _drop_shard,
        _rename_shard,
        _cut_shard,
        _unlist,
        _list_more,
        _no_index,
        _broken_index,
        _outside,
    ],
)
def test_spoilt_shards(shards: Path, spoil: Any) -> None:
    Gemma.load(shards)
    spoil(shards)
    with pytest.raises(InvalidInput) as error:
        Gemma.load(shards)
    assert "model" in str(error.value)


@pytest.mark.parametrize(
    ("name", "tensor", "match"),
    [
        ("model.norm.weight", None, "missing"),
        ("model.norm.weight", torch.zeros(3), r"\[3\]"),
        ("extra.weight", torch.zeros(3), "none of a Gemma's"),
        (HEAD, torch.zeros(400, 32), "differs"),
        (EMBEDDING, torch.zeros(401, 32), "401 rows"),
    ],
)
def test_tensors_that_do_not_fit(
    small: Gemma, tmp_path: Path, name: str, tensor: Any, match: str
) -> None:
    small.save(tmp_path)
    tensors = load_file(tmp_path / WHOLE)
    tensors.pop(name, None)
    save_file({**tensors, **({name: tensor} if tensor is not None else {})}, tmp_path / WHOLE)
    with pytest.raises(InvalidInput, match=match):
        Gemma.load(tmp_path)


def test_an_equal_head_is_accepted(small: Gemma, tmp_path: Path) -> None:
    small.save(tmp_path)
    tensors = load_file(tmp_path / WHOLE)
    save_file({**tensors, HEAD: tensors[EMBEDDING].clone()}, tmp_path / WHOLE)
    same(small, Gemma.load(tmp_path))


@pytest.mark.parametrize(("rows", "wanted"), [(256_000, 256_128), (256_128, 256_000)])
def test_the_padded_vocabulary_stands_for_the_other(rows: int, wanted: int) -> None:
    config = GemmaConfig.preset("tiny", layers=1, d_model=2, vocab_size=wanted)
    with torch.device("meta"):
        shapes = Gemma(config).state_dict()
    tensors = {n: torch.zeros(t.shape) for n, t in shapes.items()}
    tensors[EMBEDDING] = torch.ones(rows, 2)
    found = fitted(Found(config, tensors, Path("x")), shapes)
    assert found[EMBEDDING].shape == (wanted, 2)
    assert config.sampled == 256_000  # never an id that the tokenizer does not know


@pytest.mark.parametrize("name", ["a.ckpt", "a.gguf"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_files_that_were_cut(small: Gemma, tmp_path: Path, name: str, share: float) -> None:
    small.save(tmp_path / name, "official" if name.endswith("ckpt") else "gguf")
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[: int(share * len(data))])
    with pytest.raises(InvalidInput):
        Gemma.load(tmp_path / name)


def test_what_is_no_checkpoint(tmp_path: Path) -> None:
    for place in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(InvalidInput):
            Gemma.load(place)
    torch.save({"model_state_dict": {"a": torch.zeros(1)}}, tmp_path / "b.ckpt")
    with pytest.raises(InvalidInput, match=r"embedder\.weight"):
        Gemma.load(tmp_path / "b.ckpt")
    torch.save({"x": Path("code")}, tmp_path / "c.ckpt")  # a pickled object
    with pytest.raises(CorruptData):
        Gemma.load(tmp_path / "c.ckpt")


def test_the_int8_variant_of_the_official_format(small: Gemma, tmp_path: Path) -> None:
    small.save(tmp_path / "a.ckpt", "official")
    state = torch.load(tmp_path / "a.ckpt", weights_only=True)["model_state_dict"]
    rounded: dict[str, torch.Tensor] = {}
    for name, t in state.items():
        if name.endswith("norm.weight") or name == "freqs_cis":
            rounded[name] = t
        else:
            scale = t.abs().amax(1) / 127
            rounded[name] = (t / scale[:, None]).round().to(torch.int8)
            rounded[f"{name}_scaler"] = scale
    torch.save({"model_state_dict": rounded}, tmp_path / "b.ckpt")
    for p, q in zip(Gemma.load(tmp_path / "b.ckpt").parameters(), small.parameters(), strict=True):
        assert (p - q).abs().max() <= q.abs().max() / 127


def test_a_save_that_fails_leaves_what_was_there(
    small: Gemma, tmp_path: Path, monkeypatch: Any
) -> None:
    from interleaf_gemma import gguf_file

    small.save(tmp_path / "a.gguf", "gguf")
    before = (tmp_path / "a.gguf").read_bytes()
    monkeypatch.setattr(gguf_file, "_array", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        small.save(tmp_path / "a.gguf", "gguf")
    assert (tmp_path / "a.gguf").read_bytes() == before
    assert [f.name for f in tmp_path.iterdir()] == ["a.gguf"]


def test_loading_maps_the_file(tmp_path: Path) -> None:
    """1 GiB opens in a few milliseconds, because no byte of it is read."""
    config = GemmaConfig.preset("tiny", vocab_size=2_000_000, layers=1)
    with torch.device("meta"):
        shapes = Gemma(config).state_dict()
    write(config, {n: torch.zeros(t.shape) for n, t in shapes.items()}, tmp_path)
    began = time.process_time()
    model = Gemma.load(tmp_path)
    assert (
        time.process_time() - began < 0.5
    )  # reading and copying it takes longer; bench/load.py measures
    assert model.model.embed_tokens.weight.nbytes > 1_000_000_000
    assert FOLDER.is_dir()
