"""RAFT, CLIP, NIQE and BRISQUE: what they compute, and no number without the weights it names."""

import json

import numpy as np
import pytest

import interleaf
from interleaf.errors import CorruptData, WeightsMissing
from interleaf.values import Frames, Image
from interleaf_media import natural
from interleaf_media.alone import FEATURES, VECTORS, judge
from interleaf_media.clips import example_frames
from interleaf_media.flow import estimator
from interleaf_media.tensors import given_file


def photo(side=240):
    return next(iter(interleaf.load("media.sample").open())).pixels[:side, 100 : 100 + side]


def test_a_file_whose_name_tells_another_digest_is_refused(tmp_path):
    from interleaf.weights import sha256_of

    file = tmp_path / "net-00000000.pth"
    file.write_bytes(b"weights")
    with pytest.raises(WeightsMissing, match="another file") as caught:
        given_file("RAFT", str(file))
    assert caught.value.exit_code == 4
    named = tmp_path / f"net-{sha256_of(file)[:8]}.pth"
    named.write_bytes(b"weights")
    assert given_file("RAFT", str(named)) == named
    with pytest.raises(WeightsMissing, match="needs a file"):
        given_file("RAFT", "")


def test_raft_is_torchvisions(tmp_path):
    torch = pytest.importorskip("torch", reason="needs torch")
    models = pytest.importorskip("torchvision.models.optical_flow", reason="needs torchvision")
    with torch.random.fork_rng():
        torch.manual_seed(4)
        network = models.raft_small(weights=None).eval()
    file = tmp_path / "raft.pth"
    torch.save(network.state_dict(), file)
    a, b = (np.random.default_rng(i).integers(0, 256, (131, 150, 3), np.uint8) for i in (0, 1))
    by = estimator("raft", str(file))
    found = by.flow(a, b)
    assert found.shape == (131, 150, 2) and by.weights.startswith("raft_small:sha256:")
    with torch.inference_mode():
        x, y = (
            torch.nn.functional.pad(
                torch.from_numpy(p.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1)[None],
                (0, 2, 0, 5), mode="replicate",
            )
            for p in (a, b)
        )  # fmt: skip
        expected = network(x, y)[-1][0, :, :131, :150].permute(1, 2, 0).numpy()
    assert np.allclose(found, expected, atol=1e-3)
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(CorruptData):
        estimator.__wrapped__("raft", str(file))
    with pytest.raises(WeightsMissing, match="RAFT needs"):
        interleaf.load("media.flow", method="raft")(frames=example_frames(2))


def test_untrained_flow_is_called_random():
    pytest.importorskip("torchvision", reason="needs torchvision")
    pytest.importorskip("cv2", reason="needs interleaf-media[flow]")
    clip = example_frames(2, 32, 40)
    judged = interleaf.load(
        "media.video_fidelity", measures=["flow_stats", "temporal_warp"], flow="raft", random=1
    )(subject=clip)
    assert {m.name for m in judged.measures} == {
        f"{n}@random" for n in ("flow_mean", "flow_median", "flow_p95", "temporal_warp")
    }
    assert all(m.settings["weights"] == "random:seed=1" for m in judged.measures)
    field = interleaf.load("media.flow", method="raft", random=1)(frames=clip)
    assert field.vectors.shape == (1, 32, 40, 2)


@pytest.fixture(scope="module")
def clip_folder(tmp_path_factory):
    """A small CLIP as a user would have it: model, tokenizer, image processor."""
    torch = pytest.importorskip("torch", reason="needs torch")
    transformers = pytest.importorskip("transformers", reason="needs interleaf-media[clip]")
    folder = tmp_path_factory.mktemp("clip") / "small-clip"
    pieces = [
        "<|startoftext|>",
        "<|endoftext|>",
        *"adgo",
        *(f"{c}</w>" for c in "adgo"),
        "do",
        "dog</w>",
    ]
    tokenizer = transformers.CLIPTokenizer(
        {piece: i for i, piece in enumerate(pieces)}, [("d", "o"), ("do", "g</w>")]
    )
    tokenizer.model_max_length = 77
    small = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    words = {
        **small,
        "vocab_size": len(pieces),
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    looks = {**small, "image_size": 64, "patch_size": 16}
    config = transformers.CLIPConfig(text_config=words, vision_config=looks, projection_dim=16)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.CLIPModel(config).eval()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    transformers.CLIPImageProcessor(size={"shortest_edge": 64}, crop_size=64).save_pretrained(
        folder
    )
    return folder


def test_clip_scores_are_those_of_transformers(clip_folder):
    import torch
    import transformers

    clip = Frames(np.stack([photo()[i : i + 96, i : i + 120] for i in (0, 60, 120)]), 5)
    measures = ["clip_text", "clip_temporal"]
    judge = interleaf.load(
        "media.video_fidelity", measures=measures, clip=str(clip_folder), prompt="a dog"
    )
    found = judge(subject=clip)
    model = transformers.CLIPModel.from_pretrained(clip_folder)
    reads = transformers.CLIPImageProcessor.from_pretrained(clip_folder)
    tokens = transformers.CLIPTokenizer.from_pretrained(clip_folder)("a dog", return_tensors="pt")
    with torch.inference_mode():
        out = model(**tokens, **reads(images=list(clip.pixels), return_tensors="pt"))
    seen, read = out.image_embeds.numpy(), out.text_embeds.numpy()[0]
    assert found["clip_text"].value == pytest.approx((seen @ read).mean(), abs=1e-5)
    steps = (seen[:-1] * seen[1:]).sum(1)
    assert found["clip_temporal"].value == pytest.approx(steps.mean(), abs=1e-5)
    assert found["clip_text"].settings["weights"].startswith("small-clip:sha256:")
    parts = [
        judge.update(judge.start(), Frames(clip.pixels[s], 5)) for s in (slice(0, 2), slice(2, 3))
    ]
    merged = judge.finish(judge.merge(*parts))
    for name in measures:
        assert merged[name].value == pytest.approx(found[name].value, abs=1e-6)
    silent = interleaf.load("media.video_fidelity", measures=["clip_text"], clip=str(clip_folder))
    assert silent(subject=clip)["clip_text"].reason == "there is no prompt"
    picture = Image(clip.pixels[0])
    alone = interleaf.load(
        "media.fidelity", measures=["clip_text"], clip=str(clip_folder), prompt="a dog"
    )(subject=picture, reference=picture)
    assert alone["clip_text"].value == pytest.approx(float(seen[0] @ read), abs=1e-5)


def test_no_clip_score_from_a_damaged_or_absent_model(clip_folder, tmp_path):
    import shutil

    from interleaf_media.clipscore import ClipModel

    with pytest.raises(WeightsMissing, match="CLIP"):
        ClipModel("", None)
    with pytest.raises(WeightsMissing, match=r"no config\.json"):
        ClipModel(str(tmp_path), None)
    cut = tmp_path / "cut"
    shutil.copytree(clip_folder, cut)
    weights = cut / "model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-8])
    with pytest.raises(CorruptData, match="cannot be read as CLIP"):
        ClipModel(str(cut), None)
    from safetensors.torch import load_file, save_file

    weights.write_bytes(whole)
    kept = load_file(weights)
    kept.pop("visual_projection.weight")
    save_file(kept, weights, {"format": "pt"})
    with pytest.raises(CorruptData, match="lacks visual_projection"):
        ClipModel(str(cut), None)
    weights.write_bytes(whole)
    for file in cut.glob("*tokenizer*"):
        file.unlink()
    for name in ("vocab.json", "merges.txt"):
        (cut / name).unlink(missing_ok=True)
    with pytest.raises(CorruptData, match="tokenizer"):
        ClipModel(str(cut), None)


def test_untrained_clip_is_called_random():
    pytest.importorskip("transformers", reason="needs interleaf-media[clip]")
    fit = interleaf.load(
        "media.video_fidelity", measures=["clip_text", "clip_temporal"], random=2, prompt="a cat"
    )
    found = fit(subject=example_frames(2))
    assert [m.name for m in found.measures] == ["clip_text@random", "clip_temporal@random"]
    assert all(-1 <= m.value <= 1 for m in found.measures)


def test_asymmetric_gaussians_are_found_again():
    rng = np.random.default_rng(0)
    for shape, left, right in ((2.0, 1.0, 1.0), (1.0, 1.0, 1.0), (2.0, 0.5, 1.5)):
        size = rng.gamma(1 / shape, 1.0, 400_000) ** (1 / shape)
        side = rng.random(400_000) < left / (left + right)
        x = np.where(side, -size * left, size * right)
        assert natural.asymmetric_gaussian(x) == pytest.approx((shape, left, right), rel=0.03)


def test_halving_is_matlabs():
    """A linear ramp halves to a ramp in its middle; a constant stays."""
    ramp = np.add.outer(np.arange(16.0), 2 * np.arange(24.0))
    half = natural.halved(ramp)
    assert half.shape == (8, 12)
    inner = np.add.outer(2 * np.arange(8) + 0.5, 2 * (2 * np.arange(12) + 0.5))[2:-2, 2:-2]
    assert np.allclose(half[2:-2, 2:-2], inner)
    assert np.allclose(natural.halved(np.full((6, 6), 7.0)), 7)


def of_good_pictures(folder):
    """A model of NIQE made of one photograph's blocks."""
    features = natural.block_features(natural.grey(photo(400)))
    file = folder / "model.npz"
    np.savez(file, mu_prisparam=features.mean(0), cov_prisparam=np.cov(features.T))
    return file


def test_niqe_rises_with_damage_and_needs_its_model(tmp_path):
    file = of_good_pictures(tmp_path)
    picture, rng = photo(400), np.random.default_rng(0)
    fit = interleaf.load("media.fidelity", measures=["niqe"], niqe=str(file))
    scores = []
    for sigma in (0, 15, 40):
        noisy = np.clip(picture + rng.normal(0, sigma, picture.shape), 0, 255).astype(np.uint8)
        found = fit(subject=Image(noisy), reference=Image(picture))["niqe"]
        scores.append(found.value)
    assert scores == sorted(scores) and scores[0] < 1e-3 < scores[1]
    assert found.settings["weights"].startswith("niqe:sha256:")
    small = fit(subject=Image(picture[:100]), reference=Image(picture[:100]))["niqe"]
    assert small.value is None and "192 px" in small.reason
    flat = Image(np.full((200, 200, 3), 9, np.uint8))
    assert fit(subject=flat, reference=flat)["niqe"].value is None
    with pytest.raises(WeightsMissing, match="NIQE"):
        judge("niqe", "")
    for damage in (file.read_bytes()[:200], b""):
        bad = tmp_path / f"bad{len(damage)}.npz"
        bad.write_bytes(damage)
        with pytest.raises(CorruptData, match="no model of NIQE"):
            judge("niqe", str(bad))
    np.savez(tmp_path / "few.npz", mu_prisparam=np.zeros(3), cov_prisparam=np.eye(3))
    with pytest.raises(CorruptData, match="36"):
        judge("niqe", str(tmp_path / "few.npz"))


def test_brisque_is_piqs_with_the_users_vectors(tmp_path, monkeypatch):
    torch = pytest.importorskip("torch", reason="needs torch")
    piq = pytest.importorskip("piq", reason="needs interleaf-media[torch]")
    draw = torch.Generator().manual_seed(3)
    stored = [torch.randn(s, generator=draw) for s in ((VECTORS, 1), (VECTORS, FEATURES))]
    cache = tmp_path / "hub" / "checkpoints"  # where piq looks before it downloads
    cache.mkdir(parents=True)
    torch.save(stored, cache / "brisque_svm_weights.pt")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    picture = photo(96)
    file = tmp_path / "mine.pt"
    torch.save(stored, file)
    fit = interleaf.load("media.fidelity", measures=["brisque"], brisque=str(file))
    found = fit(subject=Image(picture), reference=Image(picture))["brisque"]
    expected = float(
        piq.brisque(torch.from_numpy(picture.transpose(2, 0, 1)[None] / 255.0).float())
    )
    assert found.value == pytest.approx(expected, rel=1e-4)
    assert found.settings["weights"].startswith("brisque:sha256:")
    flat = Image(np.zeros((64, 64, 3), np.uint8))
    none = fit(subject=flat, reference=flat)["brisque"]
    assert none.value is None and "variance" in none.reason
    torch.save({"a": torch.zeros(2)}, file)
    with pytest.raises(CorruptData, match="BRISQUE"):
        judge("brisque", str(file))
    file.write_bytes(b"nothing")
    with pytest.raises(CorruptData, match="BRISQUE"):
        judge.__wrapped__("brisque", str(file))
    tried = interleaf.load("media.fidelity", measures=["niqe", "brisque"], random=1)
    names = [m.name for m in tried(subject=Image(photo()), reference=Image(photo())).measures]
    assert names == ["niqe@random", "brisque@random"]


def test_the_command_takes_files(tmp_path, capsys):
    from interleaf_media.commands import compare
    from interleaf_media.writing import encode_png

    picture = tmp_path / "a.png"
    picture.write_bytes(encode_png(Image(photo(400))))
    compare(picture, picture, metrics="niqe,psnr", niqe=of_good_pictures(tmp_path), as_json=True)
    told = json.loads(capsys.readouterr().out)["measures"]
    assert [m["metric"] for m in told] == ["niqe", "psnr"] and told[0]["value"] < 1e-3
    with pytest.raises(WeightsMissing) as caught:
        compare(picture, picture, metrics="brisque")
    assert caught.value.exit_code == 4
