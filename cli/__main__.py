"""``python -m retrofr_cli`` is ``retrofr``."""

from .main import main

main()
