"""LPIPS: equal to its package, and no number with other weights than it says."""

from dataclasses import replace

import numpy as np
import pytest

import interleaf
from interleaf.errors import CorruptData, InterleafError, WeightsMissing
from interleaf.values import Image
from interleaf.weights import sha256_of

torch = pytest.importorskip("torch", reason="needs torch")
lpips = pytest.importorskip("lpips", reason="needs interleaf-media[torch]")
from interleaf_media import learned  # noqa: E402
from interleaf_media.learned import Lpips, load_trunk, lpips_metric, pic  # noqa: E402
from interleaf_media.perceptual import tensor  # noqa: E402


def pictures(n, side=40):
    return [
        np.random.default_rng(i).integers(0, 256, (side, side + 3, 3), np.uint8) for i in range(n)
    ]


@pytest.mark.parametrize("net", ["squeeze", "alex"])
def test_equal_to_the_package(net):
    ours = Lpips(net, random=3)
    theirs = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    theirs.load_state_dict(ours.model.state_dict())
    a, b, c = pictures(3)
    for x, y in ((a, b), (b, c), (a, a)):
        with torch.inference_mode():
            expected = float(theirs(tensor(x), tensor(y), normalize=True))
        assert ours.distance(x, y) == pytest.approx(expected, abs=1e-6)
    kept = ours.features([c])
    batched = ours.between(ours.features([a, b]), kept)
    assert batched == pytest.approx([ours.distance(a, c), ours.distance(b, c)], abs=1e-6)
    assert pic(c, [a, b, c], ours, batch=2) == pytest.approx(
        [1 - batched[0], 1 - batched[1], 1], abs=1e-6
    )


def test_a_kept_reference_is_looked_at_once(monkeypatch):
    """LPIPS of many frames against one picture: N + 1 passes, not 2 N."""
    model, seen = Lpips("squeeze", random=0), []
    inner = model.model.net.forward
    monkeypatch.setattr(model.model.net, "forward", lambda x: seen.append(len(x)) or inner(x))
    first, *frames = pictures(6)
    pic(first, frames, model, batch=2)
    assert sum(seen) == 6


def test_a_random_trunk_is_not_called_lpips():
    before = torch.random.get_rng_state()
    metric = lpips_metric("squeeze", random=5)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert metric.name == "lpips@random" and metric.weights == "random:seed=5"
    judge = interleaf.load("media.fidelity", measures=["lpips"], net="squeeze", random=5)
    a, b = pictures(2)
    found = judge(subject=Image(a), reference=Image(b)).measures[0]
    assert found.name == "lpips@random" and found.value == pytest.approx(metric.compute(a, b))
    small = judge(subject=Image(a[:8, :8]), reference=Image(b[:8, :8])).measures[0]
    assert small.value is None and "16 px" in small.reason


@pytest.fixture()
def trunk(tmp_path, monkeypatch):
    """A whole trunk file with an entry of its own, as a user would have it."""
    vision = pytest.importorskip("torchvision.models", reason="needs torchvision")
    known = learned.manifest()["squeezenet1_1"]
    file = tmp_path / "weights" / known.file
    file.parent.mkdir()
    with torch.random.fork_rng():
        torch.manual_seed(11)
        torch.save(vision.squeezenet1_1(weights=None).state_dict(), file)
    entry = replace(known, sha256=sha256_of(file), bytes=file.stat().st_size)
    monkeypatch.setattr(learned, "manifest", lambda: {"squeezenet1_1": entry})
    monkeypatch.setenv("INTERLEAF_WEIGHTS", str(file.parent))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "nothing"))
    learned.load_lpips.cache_clear()
    yield file
    learned.load_lpips.cache_clear()


def test_the_trunk_that_is_found_is_used_and_named(trunk):
    a, b = pictures(2)
    found = lpips_metric("squeeze")
    assert found.name == "lpips" and found.weights.startswith("squeezenet1_1:sha256:")
    direct = Lpips("squeeze", str(trunk))
    stored = torch.load(trunk, weights_only=True)
    assert torch.equal(
        direct.model.net.slice1.state_dict()["0.weight"], stored["features.0.weight"]
    )
    assert found.compute(a, b) == direct.distance(a, b) != Lpips("squeeze", random=0).distance(a, b)


def test_truncated_and_renamed_files_never_give_a_number(trunk, monkeypatch):
    whole = trunk.read_bytes()
    judge = interleaf.load("media.fidelity", measures=["lpips"], net="squeeze")
    a, b = map(Image, pictures(2))
    for data in (whole[:-1], whole[: len(whole) // 2], b"", whole[:-1] + b"x", b"\0" * len(whole)):
        trunk.write_bytes(data)
        learned.load_lpips.cache_clear()
        with pytest.raises(WeightsMissing) as caught:
            judge(subject=a, reference=b)
        assert trunk.name in str(caught.value) and "sha256" in str(caught.value)
        assert caught.value.exit_code == 4
    trunk.write_bytes(whole)
    trunk.rename(trunk.with_name("squeeze.pth"))
    with pytest.raises(WeightsMissing):
        judge(subject=a, reference=b)


def test_weights_of_another_network_are_refused(tmp_path):
    file = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(3)}, file)
    with pytest.raises(CorruptData, match="lacks features"):
        load_trunk(Lpips("squeeze", random=0).model.net, file)
    file.write_bytes(b"nothing")
    with pytest.raises(CorruptData, match="no file of weights"):
        load_trunk(Lpips("squeeze", random=0).model.net, file)


def test_without_a_trunk_it_says_which_file_goes_where(tmp_path, monkeypatch):
    monkeypatch.setenv("INTERLEAF_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    learned.load_lpips.cache_clear()
    a, b = map(Image, pictures(2))
    for net, file, size in (
        ("alex", "alexnet-owt-7be5be79.pth", "244,408,911"),
        ("squeeze", "squeezenet1_1-b8a52dc0.pth", "4,958,839"),
        ("vgg", "vgg16-397923af.pth", "553,433,881"),
    ):
        with pytest.raises(InterleafError) as caught:
            interleaf.load("media.fidelity", measures=["lpips"], net=net)(subject=a, reference=b)
        text = str(caught.value)
        assert file in text and size in text and "INTERLEAF_WEIGHTS" in text
        assert caught.value.exit_code == 4
