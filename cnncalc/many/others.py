"""What arrays leave to the modules that import them: fractions, sums of products, choices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


class Others:
    """What the other modules of the package do with arrays; they enter it here.

    They import `array`, so it cannot import them.
    """

    fraction: Callable[[Any], Any]  # whole numbers as fractions
    quotient: Callable[[Any, Any], Any]
    rounded: Callable[[Any, int], Any]
    where: Callable[[Any, Any, Any], Any]
    product: Callable[[Any, Any], Any]  # of arrays that depend on different axes
    total: Callable[[Sequence[Any]], Any]
