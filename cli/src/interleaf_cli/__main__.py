"""``python -m interleaf_cli``."""

from interleaf_cli.entry import main

main()
