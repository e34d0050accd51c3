"""Errors as people read them on stderr, and as exit codes."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from interleaf.errors import FAILED, INTERRUPTED, InterleafError


def say(text: str) -> None:
    """A line on stderr."""
    print(text, file=sys.stderr, flush=True)


@contextmanager
def reported(trace: bool = False) -> Iterator[None]:
    """Show what goes wrong inside, once, and leave with its exit code; ``trace`` adds where."""
    try:
        yield
    except InterleafError as error:
        if trace:
            traceback.print_exc()
        say(str(error))
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        say("interrupted")
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:  # the reader of our output has gone: not our failure
        sys.stderr.close()
        raise typer.Exit(0) from None
    except OSError as error:
        if trace:
            traceback.print_exc()
        say(f"{error.filename or 'this machine'}: {error.strerror or error}")
        raise typer.Exit(FAILED) from None
