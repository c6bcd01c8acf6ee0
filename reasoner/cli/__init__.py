"""The command line, ``reasoner``: one module for each family of commands, loaded when one of them is asked for."""

from reasoner.cli.group import cli, main

__all__ = ["cli", "main"]
