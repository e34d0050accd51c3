"""People in photos: fits to known bodies, and photos that cannot be fitted without being told more."""

import json

import numpy as np
import pytest
import skimage
from PIL import Image as Pillow

import interleaf
from interleaf.errors import InvalidInput
from interleaf.values import Image
from interleaf_body.backends import body_model
from interleaf_body.keypoints import NAMES, Points, as_rgb, detect, read_points
from interleaf_body.photo import FLIP, fit
from interleaf_body.photo_command import _field
from interleaf_body.photo_command import fit as command


def view_of(yaw=0.3, depth=1.4, f=700.0, size=(640, 480)):
    """Points of a turned capsule body before a camera, and where its pelvis is."""
    body = body_model("capsule").bake()
    rotvec = np.zeros((1, 22, 3))
    rotvec[0, 0, 1] = yaw
    place = np.array([[0.05, -0.6, -depth]])
    vertices = body(rotvec, None, place).vertices[0]
    at = {}
    for name in NAMES:
        seen = vertices[body.topology.landmarks[name][0]].mean(0) * FLIP
        at[name] = tuple(seen[:2] / seen[2] * f + np.array(size) / 2)
    return Points(at, dict.fromkeys(at, 1.0)), place[0], float(np.degrees(2 * np.arctan(400 / f)))


@pytest.mark.parametrize("yaw", [-0.4, 0.0, 0.3])
def test_a_known_body_is_found_again(yaw):
    points, place, diagonal = view_of(yaw)
    person = fit(body_model("capsule"), "capsule", points, (640, 480), diagonal)
    assert person.trusted and person.residual < 1.5
    body = body_model("capsule").bake(person.shape)
    found = body(person.rotvec, None, person.transl[None]).vertices[0]
    nose = body.topology.landmarks["nose"][0]
    seen = found[nose].mean(0) * FLIP
    assert np.allclose(seen[:2] / seen[2] * 700 + [320, 240], points.at["nose"], atol=4)
    assert np.linalg.norm(person.transl - place) < 0.4


def test_guessed_and_contradictory_points_are_not_trusted():
    points, _, diagonal = view_of()
    guessed = Points(points.at, points.weight, guessed=True)
    assert not fit(body_model("capsule"), "capsule", guessed, (640, 480), diagonal).trusted
    mixed = dict(zip(points.at, list(points.at.values())[::-1], strict=True))
    wrong = Points(mixed, points.weight)
    assert not fit(body_model("capsule"), "capsule", wrong, (640, 480), diagonal).trusted


def test_the_largest_frontal_face_begins_a_fit():
    points = detect(skimage.data.astronaut())
    assert points.guessed
    assert abs(points.at["nose"][0] - 224) < 30 and abs(points.at["left_eye"][1] - 113) < 25
    assert points.at["left_eye"][0] > points.at["right_eye"][0]


def test_two_faces_are_told():
    face = skimage.data.astronaut()[20:240, 110:340]
    both = np.concatenate([face, np.full((220, 60, 3), 200, np.uint8), face], 1)
    points = detect(both)
    assert "2 faces" in points.notes[0] and "left_eye" in points.notes[0]


@pytest.mark.parametrize("what", ["nothing", "coffee", "profile"])
def test_without_a_frontal_face_the_message_says_which_points_to_give(what):
    pixels = np.full((200, 160, 3), 120, np.uint8)
    if what == "profile":  # a face seen from the side, as the capsule body draws it
        frames = interleaf.load("body.mesh_video", yaw=90.0, width=160, height=200)
        from interleaf_body.samples import sample_motion

        pixels = frames.render(sample_motion(1)).pixels[0]
    elif what == "coffee":
        pixels = skimage.data.coffee()
    with pytest.raises(InvalidInput, match="no frontal face") as caught:
        detect(pixels)
    assert all(name in str(caught.value) for name in NAMES)


@pytest.mark.parametrize("shape", [(8, 6, 1), (8, 6, 2), (8, 6, 3), (8, 6, 4)])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_pictures_of_every_kind_become_rgb(shape, kind):
    full = {np.uint8: 255, np.uint16: 65535, np.float32: 1.0}[kind]
    rgb = as_rgb(np.full(shape, full, kind))
    assert rgb.shape == (8, 6, 3) and rgb.dtype == np.uint8 and (rgb == 255).all()
    clear = np.zeros(shape, kind)
    assert (as_rgb(clear) == (255 if shape[2] in (2, 4) else 0)).all()


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("- 1", "not a mapping"),
        ("left_eye: [1, 2", "not YAML"),
        ("tail: [1, 2]", "no keypoint 'tail'"),
        ("left_eye: [1]", "left_eye is"),
        ("left_eye: [1, .nan]", "left_eye is"),
        ("left_eye: [9000, 2]", "far outside"),
        ("left_eye: [1, 2]\nnose: [3, 4]", "2 points"),
    ],
)
def test_faults_of_keypoint_files(text, what, tmp_path):
    file = tmp_path / "points.yaml"
    file.write_text(text)
    with pytest.raises(InvalidInput, match=what) as caught:
        read_points(file, (640, 480))
    assert str(file) in str(caught.value)
    with pytest.raises(InvalidInput):
        read_points(tmp_path / "none.yaml", (640, 480))


def test_photos_turned_by_exif_and_in_cmyk_are_fitted_upright(tmp_path):
    upright = Pillow.fromarray(skimage.data.astronaut()[:256, 64:384])
    turned, exif = upright.transpose(Pillow.Transpose.ROTATE_90), Pillow.Exif()
    exif[274] = 6  # turn to the right to see it upright
    turned.save(tmp_path / "turned.jpg", exif=exif, quality=95)
    upright.convert("CMYK").save(tmp_path / "cmyk.jpg", quality=95)
    found = []
    for name in ("turned.jpg", "cmyk.jpg"):
        out = tmp_path / f"{name}.json"
        command(tmp_path / name, out, None, "capsule", 0.0, tmp_path / f"{name}.png")
        person = json.loads(out.read_text())
        assert person["size"] == [320, 256] and not person["trusted"]
        assert (tmp_path / f"{name}.png").exists()
        found.append(person["transl"])
    assert np.allclose(found[0], found[1], atol=0.5)


def test_the_lens_is_told_by_exif(tmp_path):
    picture, exif = Pillow.new("RGB", (60, 40)), Pillow.Exif()
    exif.get_ifd(0x8769)[41989] = 26
    picture.save(tmp_path / "a.jpg", exif=exif)
    picture.save(tmp_path / "b.jpg")
    assert _field(tmp_path / "a.jpg") == pytest.approx(79.5, abs=0.5)
    assert _field(tmp_path / "b.jpg") == 55.0


def test_the_component_tells_its_residual():
    points, _, diagonal = view_of()
    text = "\n".join(f"{name}: [{x}, {y}]" for name, (x, y) in points.at.items())
    component = interleaf.load("body.fit_photo", diagonal=diagonal)
    out = component.apply(Image(np.zeros((480, 640, 3), np.uint8)), text)
    assert out["report"]["trusted"].value == 1.0
    assert out["report"]["residual"].value == out["person"].residual


def test_a_person_is_followed_through_a_clip():
    from interleaf_body.following import follow

    yaws = np.linspace(0.0, 0.35, 8)
    views = [view_of(y) for y in yaws]
    person = fit(body_model("capsule"), "capsule", views[0][0], (640, 480), views[0][2])
    names = tuple(views[0][0].at)
    at = np.array([[v[0].at[n] for n in names] for v in views])
    at[3] = np.nan  # a frame without points keeps the pose before it
    track = follow(person, names, at, smooth=0.0)
    assert np.isnan(track.residual[3]) and np.array_equal(track.rotvec[3], track.rotvec[2])
    assert np.nanmax(track.residual) < 3
    turned = track.rotvec[-1, :, 1].sum() - track.rotvec[0, :, 1].sum()
    assert abs(turned - 0.35) < 0.12
    steady = follow(person, names, at, smooth=1.5)
    assert (
        np.abs(np.diff(steady.rotvec, axis=0)).max() < np.abs(np.diff(track.rotvec, axis=0)).max()
    )
    assert track.at(2).shape == person.shape and track.at(2).trusted


def test_points_of_another_shape_or_name_are_refused():
    from interleaf_body.following import follow

    points, _, diagonal = view_of()
    person = fit(body_model("capsule"), "capsule", points, (640, 480), diagonal)
    with pytest.raises(InvalidInput, match="T×1×2"):
        follow(person, ("nose",), np.zeros((3, 2, 2)))
    with pytest.raises(InvalidInput, match="'knee'"):
        follow(person, ("knee",), np.zeros((3, 1, 2)))
