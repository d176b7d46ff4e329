"""Lists of layers → steps: what can be said of a layer before any shape is known."""

from __future__ import annotations

from typing import Any

from ..diagnostic import Diagnostic, Edit, Fix, Position, instead, misspelled, nearest
from ..ops import BY_KEY
from .bodies import BodyReader
from .expression import clip
from .names import FOREIGN, GRAPH_WORDS, SYNONYMS, name_fault, parameter_fault
from .steps import REQUIRED, Step
from .validation import shown
from .values import ANY_WORD, FAULT, words_of
from .yaml_tree import Marks


class LayerReader(BodyReader):
    """Reads lists of layers, their keys and the graph's words beside them."""

    def layers(self, data: Any, marks: Marks, known: frozenset[str]) -> list[Step]:
        """The steps of a list of layers, named in source order."""
        if not isinstance(data, list):
            help = (
                f"to join an earlier layer: [{{identity: , from: {data}}}]"
                if isinstance(data, str)
                else "begin each layer with `- `"
            )
            self.report(
                "CNN103",
                f"layers stand in a list, not {shown(data)}",
                marks.position(self.file),
                help,
            )
            return []
        counts: dict[str, int] = {}
        names: dict[str, int] = {}
        steps = []
        for index, item in enumerate(data):
            step = self._layer(item, marks.find(index), known, counts)
            if step is None:
                steps.append(Step.faulty(marks.find(index), self.file))
                continue
            if step.name in names:
                self.report(
                    "CNN108",
                    f"the name `{step.name}` is taken at line {names[step.name]}",
                    step.place,
                    "give one of them another `name`",
                )
            names[step.name] = step.place.line
            steps.append(step)
        return steps

    def _layer(
        self, item: Any, marks: Marks, known: frozenset[str], counts: dict[str, int]
    ) -> Step | None:
        if isinstance(item, str):
            item, place = {item: None}, marks.position(self.file)
            key: str | None = next(iter(item))
        elif isinstance(item, dict):
            key = None if self._cut_by_yaml(item, marks) else self._key(item, marks)
            place = marks.key(self.file, key) if key else marks.position(self.file)
        else:
            self.report(
                "CNN103",
                f"a layer is an operator or a block, not {shown(item)}",
                marks.position(self.file),
                "write `- relu` or `- conv: {out: 64, kernel: 3}`",
            )
            return None
        if key is None:
            return None
        if key != "chain" and key not in BY_KEY and key not in self.blocks:
            self.add(self._unknown_operator(key, place))
            return None
        counts[key] = counts.get(key, 0) + 1
        step = Step(key, f"{key}{'_' if key[-1:].isdigit() else ''}{counts[key]}", marks, place)
        found = self.errors
        known = self._graph_words(step, item, marks, known)
        if self.errors > found:
            step.kind = "fault"
        self._body(step, item[key], known)
        return step

    def _unknown_operator(self, key: str, place: Position) -> Diagnostic:
        """A layer that is no operator, and what it may be called here."""
        fault = Diagnostic("CNN104", f"`{clip(key)}` is no operator or block", place)
        if key.lower() in SYNONYMS:
            right = SYNONYMS[key.lower()]
            return instead(fault._replace(help=f"here it is called `{right}`"), key, right)
        if key.lower() in FOREIGN:
            return fault._replace(help=FOREIGN[key.lower()])
        first, _, rest = key.partition(" ")
        known = first in BY_KEY or first in self.blocks
        if rest and known and place.length == 1:  # it goes on in the next line
            return fault._replace(
                help=f"`{first}` lacks its colon, and so may what stands below it: `- {first}:`"
            )
        if rest and known and " - " not in key:
            right = f"{first}: {rest}"
            return instead(
                fault._replace(help=f"`{first}` lacks its colon: `- {right}`"),
                key,
                right,
                certain=rest.isalnum() and rest not in BY_KEY,
            )
        if " - " in key:
            return fault._replace(help="indent each `- ` alike")
        if " " in key or "{" in key or "(" in key:
            return fault._replace(
                help="write an operator, a colon and its body: `- conv: {out: 8, kernel: 3}`"
            )
        return misspelled(
            fault,
            key,
            [*BY_KEY, *self.blocks, "chain"],
            "`cnncalc schema` and the README list the operators",
        )

    def _key(self, item: dict, marks: Marks) -> str | None:
        keys = [k for k in item if k not in GRAPH_WORDS]
        known = [k for k in keys if k == "chain" or k in BY_KEY or k in self.blocks]
        if len(keys) == 1:
            return keys[0]
        if (
            len(known) == 1
            and item[known[0]] is None
            and self._outdented(known[0], [key for key in keys if key not in known], marks)
        ):
            return None
        if len(known) == 1:
            for key in keys:
                if key not in known:
                    owner = BY_KEY.get(known[0])
                    inside = owner is not None and key in words_of(owner)
                    fault = Diagnostic(
                        "CNN101", f"`{key}` is no key of a layer", marks.key(self.file, key)
                    )
                    self.add(
                        fault._replace(help=f"it belongs inside: `{known[0]}: {{{key}: …}}`")
                        if inside
                        else misspelled(
                            fault,
                            key,
                            GRAPH_WORDS,
                            f"beside `{known[0]}` may stand {', '.join(GRAPH_WORDS)}",
                            item,
                        )
                    )
            return known[0]
        if len(keys) == 2 and not known:
            for key, word in (keys, keys[::-1]):
                if (
                    nearest(key, [*BY_KEY, *self.blocks, "chain"])[0]
                    and nearest(word, GRAPH_WORDS)[0]
                ):
                    self.add(self._unknown_operator(key, marks.key(self.file, key)))
                    self.add(
                        misspelled(
                            Diagnostic(
                                "CNN101",
                                f"`{word}` is no key of a layer",
                                marks.key(self.file, word),
                            ),
                            word,
                            GRAPH_WORDS,
                            None,
                            item,
                        )
                    )
                    return None
        at = marks.key(self.file, keys[1]) if keys else marks.position(self.file)
        found = " and ".join(f"`{k}`" for k in keys) or "none"
        self.report(
            "CNN103",
            f"a layer has one operator or block, this one has {found}",
            at,
            "begin the second with `- ` of its own" if keys else "name an operator, such as `relu`",
        )
        return None

    def _outdented(self, operator: str, others: list[str], marks: Marks) -> bool:
        """Whether the fields of an operator stand beside it, where only the graph's words may; said once, and mended by indenting them."""
        inside = (
            words_of(BY_KEY[operator])
            if operator in BY_KEY
            else self.blocks[operator].params
            if operator in self.blocks
            else ()
        )
        if not others or not all(key in inside for key in others):
            return False
        places = [marks.key(self.file, key) for key in others]
        edits = tuple(
            Edit(place.line, place.column, place.line, place.column, "  ") for place in places
        )
        below = all(
            place.line > marks.line + 1 and place.column == marks.column + 1 for place in places
        )
        fault = Diagnostic(
            "CNN101",
            f"{', '.join(f'`{key}`' for key in others)} belong inside `{operator}`",
            places[0],
            "indent by two more",
        )
        self.add(fault._replace(fix=Fix("indent by two more", edits) if below else None))
        return True

    def _graph_words(
        self, step: Step, item: dict, marks: Marks, known: frozenset[str]
    ) -> frozenset[str]:
        """Reads name, from, repeat, each, when, expect and share; returns the names that the body may use."""
        if "name" in item:
            self._name(step, item["name"], marks)
        for word in ("repeat", "when"):
            if word in item and item[word] is None:
                self.report(
                    "CNN103",
                    f"`{word}` has no value",
                    marks.key(self.file, word),
                    "give it one, or remove it",
                )
        if "each" in item and "repeat" in item:
            self.report(
                "CNN103",
                "`each` and `repeat` exclude each other",
                marks.key(self.file, "each"),
                "put one of them on a chain around the layer",
            )
        if "each" in item:
            step.each = self._each(item["each"], marks.find("each"), known)
            known = known | {"i"}
            if step.key == "chain":
                known = known | self._row_names(step, marks.find("each"))
        if "repeat" in item:
            step.repeat = self.prepared(item["repeat"], marks.find("repeat"), known)
            known = known | {"i"}
        if "when" in item:
            step.when = self.prepared(item["when"], marks.find("when"), known)
        if "expect" in item:
            step.expect = self.expected(item["expect"], marks.find("expect"), known)
        for word, attribute in (("from", "source"), ("share", "share")):
            if word in item:
                name = item[word]
                if not isinstance(name, str):
                    self.report(
                        "CNN103",
                        f"`{word}` takes the name of a layer, not {shown(name)}",
                        marks.find(word).position(self.file),
                    )
                else:
                    setattr(step, attribute, name)
                    self.used_names.add(name)
        return known

    def _row_names(self, step: Step, marks: Marks) -> frozenset[str]:
        """The keys of a chain's rows, which its layers may use as names."""
        first = step.each[0].keys() if step.each else ()
        for n, row in enumerate(step.each or ()):
            for key in row:
                fault = parameter_fault(key, frozenset(BY_KEY) | frozenset(self.blocks))
                if fault:
                    self.report(
                        "CNN108",
                        f"`{key}` is no name for a value",
                        marks.find(n).key(self.file, key),
                        fault,
                    )
            for key in first ^ row.keys():
                self.report(
                    "CNN102",
                    f"row {n + 1} and the first one differ in `{key}`",
                    marks.find(n).position(self.file),
                    "give every row the same keys",
                )
        return frozenset(first)

    def _name(self, step: Step, name: Any, marks: Marks) -> None:
        name = str(name) if isinstance(name, int) and not isinstance(name, bool) else name
        fault = name_fault(name)
        if fault:
            self.report(
                "CNN108",
                f"{shown(name)} is no name for a layer",
                marks.find("name").position(self.file),
                fault,
            )
        else:
            step.name = name

    def expected(self, data: Any, marks: Marks, known: frozenset[str]) -> Any:
        if not isinstance(data, list):
            self.report(
                "CNN103",
                f"`expect` takes a shape, [channels, …], not {shown(data)}",
                marks.position(self.file),
            )
            return None
        return tuple(
            "_" if item == "_" else self.prepared(item, marks.find(index), known)
            for index, item in enumerate(data)
        )

    def _each(self, rows: Any, marks: Marks, known: frozenset[str]) -> list[dict[str, Any]]:
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            self.report(
                "CNN103",
                f"`each` takes a list of rows, each a mapping, not {shown(rows)}",
                marks.position(self.file),
                "each: [{out: 16}, {out: 24}]",
            )
            return []
        return [
            {
                key: self.prepared(value, marks.find(n, key), known, ANY_WORD)
                for key, value in row.items()
            }
            for n, row in enumerate(rows)
        ]


def read_parameters(
    reader: LayerReader,
    data: dict[str, Any] | None,
    marks: Marks,
    known: frozenset[str],
    may_be_required: bool,
) -> dict[str, Any]:
    """Prepared defaults of parameters, in order; each may use those before it."""
    taken = frozenset(BY_KEY) | frozenset(reader.blocks)
    params: dict[str, Any] = {}
    seen = set(known)
    for name, value in (data or {}).items():
        fault = parameter_fault(name, taken)
        if fault:
            reader.report(
                "CNN108",
                f"`{name}` is no name for a parameter",
                marks.key(reader.file, name),
                fault,
            )
        if value is None and may_be_required:
            params[name] = REQUIRED
        elif isinstance(value, dict) or value is None:
            reader.report(
                "CNN103",
                f"`{name}` takes a number, a switch, a word or a list, not {shown(value)}",
                marks.find(name).position(reader.file),
            )
            params[name] = FAULT
        else:
            params[name] = reader.prepared(value, marks.find(name), seen, ANY_WORD)
        seen.add(name)
    return params
