"""``interleaf body fit``: a photo as a body before a camera."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from interleaf.pipeline.files import write_atomic
from interleaf.values import Image
from interleaf_body.anny_body import installed
from interleaf_body.backends import body_model
from interleaf_body.camera import Camera
from interleaf_body.fitting import points_of
from interleaf_body.keypoints import Points, as_rgb, read_points
from interleaf_body.photo import FLIP
from interleaf_body.photo import fit as fit_points
from interleaf_body.quaternions import Array
from interleaf_body.raster import Surface, maps
from interleaf_body.values import Person
from interleaf_media.reading import read_image
from interleaf_media.writing import encode_png

FILM_DIAGONAL, FOCAL_35MM, EXIF = 43.27, 41989, 0x8769  # mm of 24×36 film; the EXIF tags


def fit(
    photo: Annotated[Path, typer.Argument(help="PNG, JPEG, TIFF, WebP, …")],
    out: Annotated[Path, typer.Option("-o", "--out", help="the .json file to write")],
    keypoints: Annotated[
        Path | None, typer.Option(help="YAML: 'left_eye: [x, y]' and so on")
    ] = None,
    body: Annotated[
        str, typer.Option(help="anny, capsule, or auto: anny where installed")
    ] = "auto",
    diagonal: Annotated[
        float, typer.Option(help="field of view in degrees; 0: the photo's, else 55")
    ] = 0.0,
    picture: Annotated[
        Path | None, typer.Option(help="a .png of the photo with the body over it")
    ] = None,
) -> None:
    """Fit a body to the person in a photo: shape, pose and place before the camera, as JSON.

    Without keypoints a frontal face is looked for; such a fit is rough and says that it is not trusted.
    """
    image = read_image(photo)
    height, width = image.pixels.shape[:2]
    points = read_points(keypoints, (width, height)) if keypoints else points_of(image, None)
    for note in points.notes:
        print(note, file=sys.stderr)
    name = body if body != "auto" else "anny" if installed() else "capsule"
    person = fit_points(body_model(name), name, points, (width, height), diagonal or _field(photo))
    write_atomic(out, json.dumps(plain(person), indent=1).encode())
    if picture:
        write_atomic(picture, encode_png(Image(overlaid(image.pixels, person, points))))
    words = (
        "trusted"
        if person.trusted
        else "not trusted: give exact keypoints"
        if points.guessed
        else "not trusted"
    )
    print(f"{out}: median residual {person.residual:.1f} px, {words}")


def plain(person: Person) -> dict[str, Any]:
    """A person as JSON holds it."""
    told = asdict(person)
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in told.items()}


def overlaid(pixels: Array, person: Person, points: Points) -> Array:
    """The photo with the body's normals over it, and the points."""
    body = body_model(person.body).bake(person.shape)
    rest = body(np.zeros((1, len(body.heads), 3), np.float32)).vertices[0]
    vertices = body(person.rotvec, None, person.transl[None]).vertices
    (width, height), (fx, fy, cx, cy) = person.size, person.lens
    camera = Camera(width, height, fx, fy, cx, cy, np.diag(FLIP), np.zeros(3))
    found = maps(vertices, Surface.of(body, rest), camera, ("normals", "depth"))
    seen = found["depth"][0] > 0
    out = as_rgb(pixels).astype(np.float64)
    out[seen] = 0.45 * out[seen] + 0.55 * 255 * (found["normals"][0][seen] * 0.5 + 0.5)
    for x, y in points.at.values():
        row, column, size = int(y), int(x), max(person.size[1] // 150, 2)
        out[max(row - size, 0) : row + size, max(column - size, 0) : column + size] = (220, 30, 30)
    return out.astype(np.uint8)


def _field(photo: Path) -> float:
    """The diagonal field of view that the photo's EXIF data say, else 55 degrees."""
    from PIL import Image as Pillow

    try:
        with Pillow.open(photo) as opened:
            focal = float(opened.getexif().get_ifd(EXIF).get(FOCAL_35MM, 0))
    except Exception:  # no EXIF, or none that makes sense
        focal = 0.0
    return float(np.degrees(2 * np.arctan(FILM_DIAGONAL / 2 / focal))) if focal > 1 else 55.0
