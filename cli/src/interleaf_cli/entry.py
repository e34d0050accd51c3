"""The entry point of ``interleaf``."""

from __future__ import annotations

import os
import sys

LISTING = (["list"], ["list", "--json"], ["--json", "list"])


def main() -> None:
    """Run the command line; ``list`` alone goes past typer, whose import costs more than the list."""
    words = sys.argv[1:]
    if words in LISTING:
        from interleaf_cli.listing import show_rows

        try:
            show_rows(as_json="--json" in words)
            sys.stdout.flush()
        except BrokenPipeError:  # the reader has gone; nothing more must be flushed to it
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    from interleaf_cli.main import app

    app(prog_name="interleaf")
