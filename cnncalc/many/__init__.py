"""Values of many variants at once: whole numbers, fractions, conditions and words.

Every array has one axis for each axis of the population that it belongs to, of length 1 where it
does not depend on that axis. Only this package and `analysis` know numpy.
"""

from . import ratio, terms

__all__ = ["ratio", "terms"]
