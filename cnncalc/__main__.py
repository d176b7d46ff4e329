"""`python -m cnncalc`."""

from .cli.main import run

run()
