"""Posing and drawing anny beside its own forward, moderngl and pyrender: python plugins/body/bench/bodies.py

CPU time of one thread (process_time), medians, the peers measured turn by turn with ours. Peers that are
not installed are left out. moderngl and pyrender draw through EGL: Mesa's llvmpipe where there is no GPU.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

os.environ.setdefault("EGL_PLATFORM", "surfaceless")
os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
os.environ.setdefault("LP_NUM_THREADS", "0")

import numpy as np

from interleaf_body.anny_body import Anny
from interleaf_body.camera import Camera, look_at
from interleaf_body.raster import Canvas, Surface, maps, rasterize

Work = Callable[[], object]


def turns(works: dict[str, Work], count: int) -> dict[str, float]:
    """Milliseconds of CPU of each, one after the other."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for work in works.values():
        work()
    for _ in range(count):
        for name, work in works.items():
            began = time.process_time()
            work()
            times[name].append(1000 * (time.process_time() - began))
    return {name: statistics.median(t) for name, t in times.items()}


def posing(model: Anny) -> None:
    """Ours against anny's forward with facial actions, for 1, 8 and 32 frames."""
    import torch

    torch.set_num_threads(1)
    body, rng = model.bake(), np.random.default_rng(0)
    for count in (1, 8, 32):
        rotvec = rng.normal(0, 0.2, (count, 104, 3)).astype(np.float32)
        expr = rng.uniform(0, 1, (count, 52)).astype(np.float32)
        pose = torch.eye(4, dtype=torch.float64).repeat(count, 104, 1, 1)
        face = torch.from_numpy(expr.astype(np.float64))
        kwargs = {"weight": torch.full((count,), 0.5, dtype=torch.float64)}

        def theirs(pose=pose, kwargs=kwargs, face=face) -> object:  # type: ignore[no-untyped-def]
            with torch.inference_mode():
                return model.source(
                    pose_parameters=pose, phenotype_kwargs=kwargs, facial_actions=face
                )

        found = turns({"ours": lambda r=rotvec, e=expr: body(r, e), "anny": theirs}, 15)  # type: ignore[misc]
        a, b = found["ours"] / count, found["anny"] / count
        print(f"pose, {count} frames: ours {a:.3f} ms a frame, anny {b:.2f}, {b / a:.0f}x")


def moderngl_maps(vertices: np.ndarray, surface: Surface, view: Camera) -> Work | None:
    """The mesh drawn with eight float channels (normal, template, depth, part) and read back."""
    try:
        import moderngl

        ctx = moderngl.create_context(standalone=True, backend="egl")
    except Exception as error:
        print(f"moderngl is left out: {error}")
        return None
    print("moderngl on", ctx.info["GL_RENDERER"])
    program = ctx.program(
        vertex_shader="""#version 330
        in vec3 at; in vec3 normal; in vec3 rest; uniform mat4 view; out vec3 n; out vec3 r; out float z;
        void main() { n = normal; r = rest; gl_Position = view * vec4(at, 1); z = gl_Position.w; }""",
        fragment_shader="""#version 330
        in vec3 n; in vec3 r; in float z; layout(location=0) out vec4 a; layout(location=1) out vec4 b;
        void main() { a = vec4(normalize(n), z); b = vec4(r, 1); }""",
    )
    program["view"].write(gl_matrix(view).T.astype("f4").tobytes())
    count = len(vertices)
    moving, fixed = (
        ctx.buffer(reserve=count * 24),
        ctx.buffer(surface.template.astype("f4").tobytes()),
    )
    array = ctx.vertex_array(
        program, [(moving, "3f 3f", "at", "normal"), (fixed, "3f", "rest")],
        ctx.buffer(surface.faces.astype("i4").tobytes()),
    )  # fmt: skip
    size = (view.width, view.height)
    planes = [ctx.texture(size, 4, dtype="f4") for _ in range(2)]
    target = ctx.framebuffer(planes, ctx.depth_renderbuffer(size))
    normals = np.zeros_like(vertices)

    def draw() -> object:
        moving.write(np.concatenate([vertices, normals], 1).astype("f4").tobytes())
        target.use()
        ctx.enable(moderngl.DEPTH_TEST)
        target.clear()
        array.render()
        return [plane.read() for plane in planes]

    return draw


def gl_matrix(view: Camera) -> np.ndarray:
    """World to OpenGL's clip space."""
    near, far = 0.01, 50.0
    lens = np.array([
        [2 * view.fx / view.width, 0, 2 * view.cx / view.width - 1, 0],
        [0, -2 * view.fy / view.height, 1 - 2 * view.cy / view.height, 0],
        [0, 0, (far + near) / (far - near), -2 * far * near / (far - near)], [0, 0, 1, 0],
    ])  # fmt: skip
    rigid = np.eye(4)
    rigid[:3, :3], rigid[:3, 3] = view.rotation, view.translation
    return lens @ rigid


def pyrender_maps(vertices: np.ndarray, surface: Surface, view: Camera) -> Work | None:
    """Colour and depth of the mesh, put into the scene anew for each frame."""
    try:
        np.infty = np.inf  # type: ignore[attr-defined]  # removed in numpy 2, used by pyrender
        import pyrender
        import trimesh

        renderer = pyrender.OffscreenRenderer(view.width, view.height)
    except Exception as error:
        print(f"pyrender is left out: {error}")
        return None
    lens = pyrender.IntrinsicsCamera(view.fx, view.fy, view.cx, view.cy, znear=0.01, zfar=50)
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = view.rotation.T @ np.diag([1, -1, -1]), view.place

    def draw() -> object:
        scene = pyrender.Scene()
        scene.add(lens, pose=pose)
        scene.add(pyrender.DirectionalLight(), pose=pose)
        mesh = trimesh.Trimesh(vertices, surface.faces, process=False)
        scene.add(pyrender.Mesh.from_trimesh(mesh))
        return renderer.render(scene)

    return draw


def drawing(model: Anny, peer: str, size: int) -> None:
    """The bust beside one peer, once a process: OpenGL contexts in one process disturb each other."""
    body = model.bake()
    vertices = body(np.zeros((1, 104, 3), np.float32)).vertices
    surface = Surface.of(body, vertices[0])
    view = look_at([0, 0.5, 0], distance=1.15, width=size, height=size, diagonal=60)
    canvas, seen = Canvas(1, view, surface), view.seen(vertices)
    works: dict[str, Work | None] = {
        "z-buffer": lambda: z_buffer(canvas, seen[0], view),
        "five maps": lambda: maps(vertices, surface, view, canvas=canvas),
        peer: PEERS[peer](vertices[0], surface, view),
    }  # fmt: skip
    found = turns({name: work for name, work in works.items() if work}, 31)
    share = (rasterize(seen, surface.faces, view).face_id >= 0).mean()
    listed = ", ".join(f"{name} {ms:.2f} ms" for name, ms in found.items())
    ratios = ", ".join(
        f"{found[peer] / found[own]:.1f}x against {own}" for own in OURS if peer in found
    )
    print(f"bust {size}, {share:.0%} covered: {listed}; {peer} is {ratios}")


OURS = ("z-buffer", "five maps")
PEERS = {"moderngl": moderngl_maps, "pyrender": pyrender_maps}


def z_buffer(canvas: Canvas, seen: np.ndarray, view: Camera) -> None:
    """Faces and 1/z of one frame, and the pictures cleared again."""
    brush = canvas.brush(0)
    brush.scratch.draw(seen, canvas.surface.faces, view, 0.01, True, brush.face_id, brush.inv_z)
    touched = brush.scratch.touched()
    brush.face_id[touched], brush.inv_z[touched] = -1, 0


def threads(model: Anny) -> None:
    """64 frames of maps on one thread and on two: by the clock, and by the CPU time of the longer thread,
    which is what the clock would show on two cores that nobody else uses."""
    body = model.bake()
    rotvec = np.random.default_rng(0).normal(0, 0.05, (64, 104, 3)).astype(np.float32)
    vertices = body(rotvec).vertices
    surface = Surface.of(body, body(rotvec[:1] * 0).vertices[0])
    view = look_at([0, 0.5, 0], distance=1.15, width=256, height=256, diagonal=60)
    canvas, best = Canvas(64, view, surface), {1: float("inf"), 2: float("inf")}
    halves = [Canvas(32, view, surface) for _ in range(2)]

    def timed(part: slice, on: Canvas) -> float:
        began = time.thread_time()
        maps(vertices[part], surface, view, canvas=on)
        return time.thread_time() - began

    alone, longer = [], []
    for _ in range(12):
        for count in best:
            began = time.perf_counter()
            maps(vertices, surface, view, canvas=canvas, threads=count)
            best[count] = min(best[count], time.perf_counter() - began)
        alone.append(timed(slice(0, 64), canvas))
        with ThreadPoolExecutor(2) as pool:
            longer.append(max(pool.map(timed, (slice(0, 32), slice(32, 64)), halves)))
    one, two = statistics.median(alone), statistics.median(longer)
    print(
        f"64 frames: {best[1] * 1e3:.0f} ms on 1 thread, {best[2] * 1e3:.0f} on 2: {best[1] / best[2]:.2f}x "
        f"by the clock; {one * 1e3:.0f} and {two * 1e3:.0f} ms of CPU of the longer thread: {one / two:.2f}x"
    )


def main(part: str) -> None:
    """One part, or each in a process of its own."""
    if not part:
        for name in (
            "pose",
            *(f"{peer}:{size}" for peer in PEERS for size in (256, 512)),
            "threads",
        ):
            subprocess.run([sys.executable, __file__, name], check=False)
        return
    model = Anny(say=print)
    if part == "pose":
        posing(model)
    elif part == "threads":
        threads(model)
    else:
        peer, _, size = part.partition(":")
        drawing(model, peer, int(size or 256))


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
