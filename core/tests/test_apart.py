"""Processes apart from this one: whoever asks last undoes nobody's imports."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from interleaf.pipeline.apart import apart

def seen():
    return sorted({"colorsys", "fractions", "statistics"} & set(sys.modules)), "mine" in globals()

if __name__ == "__main__":
    mine = True
    apart("colorsys")
    apart("statistics")
    context = apart("colorsys")
    with context.Pool(1) as pool:
        print(pool.apply(seen))
"""


def test_the_modules_of_all_callers_are_imported(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(CODE)
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True)
    modules, mine = eval(done.stdout)
    assert {"colorsys", "statistics"} <= set(modules) and not mine
