"""The HTTP side: a page, pictures, masks and jobs."""

# FastAPI reads annotations when it is called: no "from __future__ import annotations" here
import json
from collections.abc import Iterator
from importlib.resources import files as package_files
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.middleware.trustedhost import TrustedHostMiddleware
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from interleaf.errors import InterleafError, InvalidInput
from interleaf.values import Image
from interleaf_followclick.phrases import VOCABULARY
from interleaf_followclick.reading import mask_image
from interleaf_followclick.serving.studio import Studio
from interleaf_media.writing import encode_png

LARGEST = 64 << 20  # bytes of an upload
FILES = {"mp4": ("h264", "video/mp4"), "gif": ("gif", "image/gif"), "webm": ("vp9", "video/webm")}


class Clicks(BaseModel):
    """Clicks (x, y) in pixels of a picture."""

    photo: str
    include: list[tuple[float, float]] = Field(max_length=100)
    exclude: list[tuple[float, float]] = Field(default=[], max_length=100)


class Thing(BaseModel):
    """A mask, how it moves, and how fast in pixels a frame."""

    mask: str
    say: str = Field(default="right", max_length=200)
    strength: float = Field(default=4.0, ge=0, le=1000, allow_inf_nan=False)


class Wish(BaseModel):
    """An animation of things of one picture."""

    things: list[Thing] = Field(min_length=1, max_length=20)
    frames: int = Field(default=16, ge=1, le=200)
    fps: float = Field(default=8.0, gt=0, le=60)
    seed: int = Field(default=0, ge=0, lt=2**62)


def create_app(studio: Studio, hosts: list[str]) -> FastAPI:
    """The application; requests for other ``hosts`` are refused."""
    app = FastAPI(title="Interleaf followclick", docs_url=None, redoc_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)
    page = (package_files("interleaf_followclick") / "serving" / "page.html").read_text("utf-8")
    page = page.replace("/*PHRASES*/[]", json.dumps(VOCABULARY))

    @app.exception_handler(InterleafError)
    async def refused(request: Request, error: InterleafError) -> JSONResponse:
        return JSONResponse({"error": error.message, "hint": error.hint}, 422)

    @app.get("/")
    async def show() -> HTMLResponse:
        policy = "default-src 'self' 'unsafe-inline' data: blob:; connect-src 'self'"
        return HTMLResponse(page, headers={"Content-Security-Policy": policy})

    _pictures(app, studio)
    _jobs(app, studio)
    return app


def _pictures(app: FastAPI, studio: Studio) -> None:
    @app.post("/api/image")
    async def upload(request: Request) -> dict[str, Any]:
        data = bytearray()
        async for part in request.stream():
            data += part
            if len(data) > LARGEST:
                raise InvalidInput(
                    f"the picture is larger than {LARGEST >> 20} MiB", hint="shrink it"
                )
        name, photo = studio.add(bytes(data))
        return {"photo": name, "width": photo.shape[1], "height": photo.shape[0]}

    @app.get("/api/image/{name}")
    def picture(name: str) -> Response:
        return Response(encode_png(Image(studio.photos[name])), media_type="image/png")

    @app.post("/api/mask")
    def mask(clicks: Clicks) -> dict[str, Any]:
        flat = [[v for pair in pairs for v in pair] for pairs in (clicks.include, clicks.exclude)]
        name, found = studio.click(clicks.photo, *flat)
        return {"mask": name, "share": float(found.mean())}

    @app.get("/api/mask/{name}")
    def mask_picture(name: str) -> Response:
        return Response(encode_png(mask_image(studio.masks[name].mask)), media_type="image/png")


def _jobs(app: FastAPI, studio: Studio) -> None:
    @app.post("/api/animate")
    def animate(wish: Wish) -> dict[str, str]:
        things = [(t.mask, t.say, t.strength) for t in wish.things]
        return {"job": studio.start(things, wish.frames, wish.fps, wish.seed)}

    @app.get("/api/job/{name}")
    def state(name: str) -> dict[str, Any]:
        return studio.jobs[name].now()

    @app.get("/api/job/{name}/events")
    def events(name: str) -> StreamingResponse:
        job = studio.jobs[name]

        def told() -> Iterator[str]:
            seen = ("", -1)
            while seen[0] not in ("done", "failed"):
                news = job.news(seen)
                seen = (news["state"], news["done"])
                yield f"data: {json.dumps(news)}\n\n"

        return StreamingResponse(told(), media_type="text/event-stream")

    @app.get("/api/job/{name}/clip.{suffix}")
    def clip(name: str, suffix: str, request: Request) -> Response:
        job = studio.jobs[name]
        if suffix not in FILES or job.state != "done":
            raise InvalidInput(f"there is no clip.{suffix}", hint=", ".join(FILES))
        codec, kind = FILES[suffix]
        return _ranged(studio.file(job, codec), kind, request.headers.get("range", ""))


def _ranged(data: bytes, kind: str, asked: str) -> Response:
    """The bytes, or the part that a browser's video element asks for."""
    headers = {"Accept-Ranges": "bytes"}
    first, dash, last = asked.removeprefix("bytes=").partition("-")
    if not (asked.startswith("bytes=") and dash and first.isdigit()) or int(first) >= len(data):
        return Response(data, media_type=kind, headers=headers)
    stop = min(int(last), len(data) - 1) if last.isdigit() else len(data) - 1
    headers["Content-Range"] = f"bytes {first}-{stop}/{len(data)}"
    return Response(data[int(first) : stop + 1], 206, media_type=kind, headers=headers)
