"""Makes a graph of the calls of a network of torch.

Each file here knows one kind of calls, and lists their names in its READERS.
"""

from .graph import Imported, graph_of

__all__ = ["Imported", "graph_of"]
