"""Writes XML 1.0."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from ...foreign import visible
from .lines import Lines


class Xml:
    """A tree of elements. Characters that XML cannot hold are escaped; texts keep their lines."""

    def __init__(self, root: ET.Element) -> None:
        self.root = root

    def written(self, colour: bool = False) -> str:
        """Write the tree, indented."""
        for element in self.root.iter():
            element.attrib = {key: visible(value) for key, value in element.attrib.items()}
            if element.text:
                element.text = Lines.of(element.text).written()
        ET.indent(self.root)
        text = ET.tostring(self.root, encoding="unicode")
        return f'<?xml version="1.0" encoding="utf-8"?>\n{Lines.of(text).written()}'
