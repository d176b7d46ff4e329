"""Run the command line with `python -m cnncalc`."""

from .cli.main import run

run()
