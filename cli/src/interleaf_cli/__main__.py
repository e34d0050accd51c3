"""``python -m interleaf_cli``."""

from interleaf_cli.main import main

main()
