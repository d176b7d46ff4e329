"""`python -m cnncalc`."""

from .cli.main import main

main()
