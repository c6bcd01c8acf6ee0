"""The command line, ``reasoner``: one module for each family of commands, loaded when one of them is asked for."""

import gc

gc.set_threshold(200_000)  # nearly all that a command loads is needed to its end: to look for garbage in it takes long

from reasoner.cli.group import cli, main  # noqa: E402

__all__ = ["cli", "main"]
