"""The GPU's kernels, in a process of their own: triton decides when it is imported whether to interpret."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

if not importlib.util.find_spec("triton"):
    pytest.skip("triton is not installed", allow_module_level=True)


def test_the_kernels() -> None:
    import torch

    interpret = {} if torch.cuda.is_available() else {"TRITON_INTERPRET": "1"}
    cases = Path(__file__).with_name("triton_cases.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(cases)]
    done = subprocess.run(
        command, env={**os.environ, **interpret}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
