import sys
from pathlib import Path

sys.path.insert(
    0, str(Path(__file__).parent)
)  # for random_models, here and in processes of their own
