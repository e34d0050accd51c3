"""The descriptor of ``ray``: no components, but hooks (see ``interleaf_ray.hooks``)."""

from interleaf.plugin import Plugin

PLUGIN = Plugin(
    name="ray",
    api=1,
    summary="runs a pipeline's steps on Ray, over a shared folder or an object store",
    requires=["ray", "fsspec"],
)
