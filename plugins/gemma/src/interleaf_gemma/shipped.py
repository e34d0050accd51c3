"""The files of the small model that comes with the package."""

from pathlib import Path

FOLDER = Path(__file__).with_name("stories")
TOKENIZER = FOLDER / "tokenizer.model"
