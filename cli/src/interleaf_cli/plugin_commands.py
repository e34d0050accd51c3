"""Commands that plugins bring: ``interleaf PLUGIN COMMAND``, imported when they are called."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from interleaf.errors import Problem, ProblemsFound
from interleaf_cli.failing import reported


class PluginGroup(TyperGroup):
    """The built-in commands, and a group for every plugin that declares commands."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """A built-in command, else a plugin's group, made when it is asked for."""
        return super().get_command(ctx, cmd_name) or _group(cmd_name)

    def list_commands(self, ctx: Any) -> list[str]:
        """The built-in names; plugins are shown by ``list``, so that help imports nothing."""
        return list(self.commands)


def _group(name: str) -> Any:
    from interleaf.registry import registry

    record = registry().records.get(name)
    plugin = record.plugin if record else None
    if plugin is None or not plugin.commands:
        return None
    app = typer.Typer(name=name, help=plugin.summary, no_args_is_help=True, add_completion=False)
    for command, target in plugin.commands.items():
        with reported():
            app.command(command)(_guarded(_load(name, command, target)))
    app.callback()(lambda: None)
    return typer.main.get_command(app)


def _guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, whose InterleafErrors end as those of the built-in ones do."""

    @functools.wraps(command)
    def run(*args: Any, **options: Any) -> Any:
        with reported():
            return command(*args, **options)

    return run


def _load(plugin: str, command: str, target: str) -> Any:
    module, _, attribute = target.partition(":")
    try:
        return getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        message = f"'{plugin} {command}' cannot be loaded: {error}"
        raise ProblemsFound([Problem("E204", message, hint="interleaf doctor")]) from error
