"""Run the command line as ``python -m reasoner``."""

from reasoner.cli import main

main()
