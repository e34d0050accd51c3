"""Videos with keypoints as data to learn from: shots, smoothed fits, and one line of a manifest for each.

A finished video leaves its lines behind and is not done again, so that a build goes on where it was stopped.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from interleaf.errors import InterleafError, InvalidInput
from interleaf.pipeline.files import write_atomic
from interleaf.values import Audio
from interleaf_body.backends import body_model
from interleaf_body.following import Track, follow
from interleaf_body.keypoints import NAMES, Points, detect, read_points
from interleaf_body.photo import fit
from interleaf_media.videos import read_clip
from interleaf_vlogger.edits import camera_of
from interleaf_vlogger.pursuing import pursued
from interleaf_vlogger.shots import REASONS, Limits, cuts, judged
from interleaf_vlogger.smile import Brought, rim

Floats = np.ndarray[Any, Any]
VIDEOS = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v")
SHARES = {"test": 0.1, "valid": 0.1}  # of identities


def build(
    videos: Path, out: Path, consent: str = "", body: str = "anny", limits: Limits | None = None,
    smooth: float = 1.0, told: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:  # fmt: skip
    """A folder of videos as ``out/manifest.jsonl``, ``motion/*.npz``, ``audio/*.wav``; gives the counts.

    Beside ``NAME.mp4`` may lie ``NAME.yaml`` (keypoints of the first frame) or ``NAME.npz`` (``names`` [N],
    ``points`` [T, N, 2] of all frames), and ``NAME.json`` with ``consent`` and ``identity``. ``consent``: of
    all who have none of their own; who has none at all is left out, and counted.
    """
    limits = limits or Limits()
    files = sorted(f for f in videos.glob("**/*") if f.suffix.lower() in VIDEOS)
    if not files:
        raise InvalidInput(f"{videos}: no videos", hint=f"files ending in {', '.join(VIDEOS)}")
    settings = {"consent": consent, "body": body, "limits": asdict(limits), "smooth": smooth}
    rows: list[dict[str, Any]] = []
    for number, file in enumerate(files, 1):
        mark = _digest(file, settings)
        kept = out / "videos" / f"{mark}.json"
        if kept.is_file():
            found = json.loads(kept.read_text())
        else:
            found = list(_shots(file, videos, out, consent, body, limits, smooth))
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_atomic(kept, json.dumps(found).encode())
        rows += found
        used = sum(not r["rejected"] for r in found)
        told(f"{number}/{len(files)} {file.name}: {used} of {len(found)} shots")
    lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows)
    out.mkdir(parents=True, exist_ok=True)
    write_atomic(out / "manifest.jsonl", lines.encode())
    report = _counts(rows)
    write_atomic(out / "report.json", json.dumps(report, indent=1).encode())
    return report


def _counts(rows: list[dict[str, Any]]) -> dict[str, Any]:
    counted = Counter(reason for r in rows for reason in r["rejected"])
    kept = [r for r in rows if not r["rejected"]]
    return {
        "shots": len(rows), "kept": len(kept),
        "seconds": round(sum(r["measured"]["seconds"] for r in kept), 3),
        "identities": len({r["identity"] for r in kept}),
        "rejected": {reason: counted[reason] for reason in REASONS},
        "hands": "not told: keypoints name no hands",
    }  # fmt: skip


def _digest(file: Path, settings: dict[str, Any]) -> str:
    """Of a video, what lies beside it, and the settings."""
    total = hashlib.blake2b(json.dumps(settings, sort_keys=True).encode(), digest_size=16)
    for part in (file, *(file.with_suffix(s) for s in (".yaml", ".npz", ".json"))):
        total.update(part.name.encode())
        total.update(part.read_bytes() if part.is_file() else b"-")
    return total.hexdigest()


def _shots(
    file: Path, root: Path, out: Path, consent: str, body: str, limits: Limits, smooth: float
) -> Iterator[dict[str, Any]]:
    name = str(file.relative_to(root).with_suffix("")).replace("/", "_")
    about = _about(file.with_suffix(".json"))
    agreed, identity = str(about.get("consent") or consent), str(about.get("identity") or name)
    clip = read_clip(file).clip
    pixels, fps = clip.frames.pixels[..., :3], float(clip.frames.fps)
    given = _points(file, pixels)
    for first, last in cuts(pixels):
        frames, heard = pixels[first:last], _part(clip.audio, first / fps, last / fps)
        names, points, track = _fitted(frames, given, first, last, body, smooth)
        wrong, measured = judged(frames, names, points, track, heard, fps, limits)
        row: dict[str, Any] = {
            "id": f"{name}-{first:05d}", "video": str(file.relative_to(root)), "shot": [first, last],
            "fps": fps, "identity": identity, "split": split(identity), "consent": agreed,
            "rejected": wrong if agreed else ["consent", *wrong], "measured": measured,
        }  # fmt: skip
        if not row["rejected"] and track is not None and heard is not None:
            row |= _written(out, row["id"], frames, track, heard, fps)
        yield row


def split(identity: str) -> str:
    """The part that a person belongs to, by a hash of who it is: nobody is in two."""
    at = int(hashlib.blake2b(identity.encode(), digest_size=8).hexdigest(), 16) / 2**64
    for name, share in SHARES.items():
        if at < share:
            return name
        at -= share
    return "train"


def _about(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(file.read_text()) if file.is_file() else {}
    except ValueError as error:
        raise InvalidInput(f"{file}: not JSON ({error})") from None
    if not isinstance(found, dict):
        raise InvalidInput(f"{file}: not a mapping", hint='{"consent": "…", "identity": "…"}')
    return found


def _points(file: Path, pixels: Floats) -> Points | tuple[tuple[str, ...], Floats] | None:
    """Points of the first frame, or names and places [T, N, 2] of all; None where none are given."""
    size = pixels.shape[2], pixels.shape[1]
    if file.with_suffix(".yaml").is_file():
        return read_points(file.with_suffix(".yaml"), size)
    if not file.with_suffix(".npz").is_file():
        return None
    held = np.load(file.with_suffix(".npz"), allow_pickle=False)
    names, at = tuple(str(n) for n in held["names"]), np.asarray(held["points"], float)
    if at.shape != (len(pixels), len(names), 2) or not set(names) <= set(NAMES):
        raise InvalidInput(
            f"{file.with_suffix('.npz')}: points are {at.shape} of {', '.join(names)}",
            hint=f"[{len(pixels)}, N, 2] pixels of N names among {', '.join(NAMES)}",
        )
    return names, at


def _fitted(
    frames: Floats, given: Any, first: int, last: int, body: str, smooth: float
) -> tuple[tuple[str, ...], Floats, Track | None]:
    """Names, points [T, N, 2] and the person of a shot; given, or a detected face's and found again."""
    size = frames.shape[2], frames.shape[1]
    if isinstance(given, tuple):
        names, at = given[0], given[1][first:last]
        whole = np.flatnonzero(np.isfinite(at[0]).all(1))
        if len(whole) < 4:
            return names, at, None
        begin = {names[i]: (float(at[0, i, 0]), float(at[0, i, 1])) for i in whole}
        points = Points(begin, dict.fromkeys(begin, 1.0))
    else:
        try:
            points = given if given and first == 0 else detect(frames[0])
        except InterleafError:
            return (), np.full((len(frames), 0, 2), np.nan), None
        names, at = pursued(frames, points)
    person = fit(body_model(body), body, points, size)
    return names, at, follow(person, names, at, smooth)


def _written(
    out: Path, name: str, frames: Floats, track: Track, heard: Audio, fps: float
) -> dict[str, Any]:
    """Movement and sound of a shot; the jaw is told by how far the lips are apart in the pixels."""
    baked = body_model(track.person.body).bake(track.person.shape)
    held = io.BytesIO()
    np.savez_compressed(
        held, rotvec=track.rotvec, transl=track.transl, expr=jaws(frames, track)[:, None], fps=fps,
        expr_names=np.array(["jawOpen"]), joint_names=np.array(baked.topology.joint_names),
    )  # fmt: skip
    motion, sound = Path("motion") / f"{name}.npz", Path("audio") / f"{name}.wav"
    for part in (motion, sound):
        (out / part).parent.mkdir(parents=True, exist_ok=True)
    write_atomic(out / motion, held.getvalue())
    write_atomic(out / sound, _wav(heard))
    p = track.person
    who = {"body": p.body, "shape": p.shape, "lens": list(p.lens), "size": list(p.size)}
    return {"motion": str(motion), "audio": str(sound), "person": who}


def jaws(frames: Floats, track: Track) -> Floats:
    """How far [T] jaws are open, 0..1, by the lips of each frame; 0 for a body without lips."""
    body = body_model(track.person.body).bake(track.person.shape)
    if not len(rim(body)[0]):
        return np.zeros(len(frames), np.float32)
    opens = -body.basis[body.topology.expression_names.index("jawOpen"), :, 1].min()
    posed = body(track.rotvec, None, track.transl).vertices
    camera, found = camera_of(track.person), np.zeros(len(frames), np.float32)
    for t, frame in enumerate(frames):
        found[t] = Brought(frame, body, camera, posed[t], not track.person.trusted).apart / opens
    return np.clip(found, 0, 1)


def _part(audio: Audio | None, start: float, stop: float) -> Audio | None:
    if audio is None:
        return None
    a, b = round(start * audio.rate), round(stop * audio.rate)
    return Audio(audio.samples[a:b], audio.rate)


def _wav(audio: Audio) -> bytes:
    import scipy.io.wavfile

    held = io.BytesIO()
    scipy.io.wavfile.write(
        held, audio.rate, np.rint(np.clip(audio.samples, -1, 1) * 32767).astype(np.int16)
    )
    return held.getvalue()
