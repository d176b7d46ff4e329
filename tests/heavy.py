"""Makes specs that are long, deep or repetitive in ways that once took quadratic time or memory."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import count

_INPUT = "input: [3, 8, 8]\n"
_LAYERS = "layers:\n  - conv: {out: 4, kernel: 3}\n"


def _lines(form: str, size: int, most: int = 10**6) -> str:
    """Return lines of about `size` characters. In the form, {n} counts, and {m} is {n} - 1."""
    lines: list[str] = []
    for n in count(1):
        line = form.format(n=n, m=n - 1)
        size -= len(line)
        if size < 0 or n > most:
            return "".join(lines)
        lines.append(line)
    return ""


def _named(count: int) -> str:
    return ", ".join(f"k{n}: 1" for n in range(count))


def many(size: int) -> dict[str, str]:
    """Return texts of about `size` characters that have many of something."""

    def spec(part: str, form: str, then: str = _LAYERS, most: int = 10**6) -> str:
        return f"{_INPUT}{part}{_lines(form, size, most)}{then}"

    one = "layers:\n  - conv: {out: a, kernel: 3}\n"
    variants = "params: {a: 1}\nvariants:\n"
    return {
        "blocks": spec("blocks:\n", "  b{n}: {{layers: [relu]}}\n"),
        "blocks in blocks": spec(
            "blocks:\n  b0: {layers: [relu]}\n", "  b{n}: {{layers: [b{m}]}}\n"
        ),
        "parameters of blocks": spec("blocks:\n", "  b{n}: {{params: {{a: }}, layers: [relu]}}\n"),
        "parameters": spec("params:\n", "  p{n}: 1\n"),
        "parameters, repeated": spec(
            "params:\n", "  p{n}: 1\n", "layers:\n  - {relu: , repeat: 19000}\n", 1000
        ),
        "parameters and blocks": spec(
            "params:\n",
            "  p{n}: 1\n",
            "blocks:\n  b: {layers: [identity]}\nlayers:\n  - {b: , repeat: 19000}\n",
            1000,
        ),
        "variants": spec(variants, "  v{n}: {{}}\n", one),
        "wrong variants": spec(variants, "  v{n}: {{params: {{a: 0}}}}\n", one),
        "unknown parameters": spec(variants, "  v{n}: {{params: {{b: 0}}}}\n", one),
        "expectations": spec(f"{variants}  v:\n    expect:\n", "      con{n}: [1]\n", one),
        "outputs": spec(f"{_LAYERS}outputs:\n", "  - convx{n}\n", ""),
        "published": spec(f"{_LAYERS}published:\n", "  - {{what: parms{n}, value: 1}}\n", ""),
        "published at": spec(
            f"{_LAYERS}published:\n", "  - {{what: params, at: conx{n}, value: 1}}\n", ""
        ),
        "budgets": spec(f"{_LAYERS}budget:\n", "  parms{n}: 1\n", ""),
        "budgets at": spec(f"{_LAYERS}budget:\n  at:\n", "    conx{n}: {{params: 1}}\n", ""),
        "comments": spec(_LAYERS, "# cnncalc: ignore[CNN9]\n", ""),
        "comments without codes": spec(_LAYERS, "# cnncalc: ignore\n", ""),
        "comments with wrong codes": spec(_LAYERS, "# cnncalc: ignore[CNM501]\n", ""),
        "codes": f"{_INPUT}{_LAYERS}# cnncalc: ignore[{_lines('CNM{n},', size)}]\n",
        "unknown layers": spec("layers:\n", "  - convv{n}: 3\n", ""),
        "unknown names": spec("layers:\n", "  - conv: {{out: xx{n}, kernel: 1}}\n", ""),
        "layers without colons": spec("layers:\n", "  - conv {{out: 3}}\n", ""),
        "layers before an error": spec(
            "layers:\n", "  - conv: {{out: 3, kernel: 1}}\n", "  - maxpool: 99\n", 15_000
        ),
        "wrong rows": spec(
            "layers:\n  - conv: {kernel: 1}\n    each:\n", "      - {{outt: 3}}\n", ""
        ),
        "branches": spec("layers:\n  - concat:\n", "      b{n}: []\n", ""),
        "keys twice": _INPUT + "k: 1\n" * (size // 5),
        "quotes": f'{_INPUT}name: a # cnncalc: ignore "' + '\\"' * (size // 2) + f"\n{_LAYERS}",
        "blanks": f"{_INPUT}{' ' * size}x\n{_LAYERS}",
        "blanks in a budget": f'{_INPUT}{_LAYERS}budget: {{params: "<{" " * size}\\n"}}\n',
        "digits": f'{_INPUT}{_LAYERS}budget: {{params: "< {"9" * size}"}}\n',
        "a name": f"{_INPUT}layers:\n  - chain: [relu]\n    name: {'a' * size}\n    repeat: 9000\n",
        "aliases of a text": (
            f"{_INPUT}source: &s {'x' * (size // 2)}\n{_LAYERS}published:\n"
            + _lines("  - {{what: params, value: 1, source: *s}}\n", size // 2)
        ),
    }


def repeated() -> dict[str, str]:
    """Return short texts that demand much work."""

    def network(*lines: str) -> str:
        return _INPUT + "".join(f"{line}\n" for line in lines)

    long = f"[{'1, ' * 4900}1]"
    alike = " and ".join(["[p, i] == [p, i]"] * 40)
    names = ", ".join(["input"] * 1000)
    deep = [f"  b{n}: {{layers: [{{b{n - 1}: , name: {'a' * 190}}}]}}" for n in range(1, 98)]
    return {
        "arithmetic": network(
            "layers:",
            f'  - {{conv: {{out: "{"+".join(["0 * 1"] * 150)} + 3", kernel: 1}}, repeat: 19000}}',
        ),
        "lists compared": network(
            "params:", f"  p: {long}", "layers:", f'  - {{relu: , repeat: 19000, when: "{alike}"}}'
        ),
        "lists compared for nothing": network(
            "params:",
            f"  p: {long}",
            "layers:",
            f'  - chain: [{{relu: , repeat: 10000, when: "{alike} and false"}}]',
            "    repeat: 9",
        ),
        "long paths": network(
            "blocks:", "  b0: {layers: [relu]}", *deep, "layers:", "  - {b97: , repeat: 19000}"
        ),
        "inputs of joins": network("layers:", f"  - {{add: [{names}], repeat: 15000}}"),
        "parameters of a block": network(
            "blocks:",
            "  b:",
            f"    params: {{{_named(900)}}}",
            "    layers: [identity]",
            "layers:",
            "  - {b: , repeat: 15000}",
        ),
        "channels that double": network("layers:", "  - {concat: {a: [], b: []}, repeat: 15000}"),
        "sizes that grow": "input: [3, 1]\nlayers:\n  - {upsample: 1000000000, repeat: 1500}\n",
        "strides that grow": (
            "input: [3, 1]\n"
            "layers:\n  - {maxpool: {kernel: 1, stride: 1000000000}, repeat: 15000}\n"
        ),
        "repairs of many layers": network(
            "blocks:",
            "  b:",
            "    layers:",
            "      - maxpool: 99",
            "      - {chain: [identity], repeat: 20000}",
            "layers:",
            "  - {b: , repeat: 20000}",
        ),
        "lists that grow": network(
            "layers:",
            "  - {chain: [{add: [input, unit.*]}], name: unit, repeat: 19000}",
        ),
        "branches of every copy": network(
            "layers:",
            "  - {relu: , name: unit, repeat: 5000}",
            "  - add: {a: {repeat: 4000, layers: [{add: [unit.*]}]}, b: []}",
        ),
        "choices of choices": network(
            "layers:",
            "  - {relu: , name: a}",
            "  - {relu: , from: " + "a if c > 3 else " * 20_000 + "a}",
        ),
        "blocks inside themselves": network(
            "blocks:",
            "  b:",
            "    params: {n: }",
            "    layers:",
            "      - {b: n - 1, when: n > 0}",
            "      - {b: n - 2, when: n > 1}",
            "layers: [{b: 90}]",
        ),
        "aliases of blocks": network(
            "blocks:",
            f"  a: &a {{layers: [{'relu, ' * 999}relu]}}",
            *(f"  a{n}: *a" for n in range(150)),
            "layers: [a]",
        ),
        "brackets": "[" * 100_000,
        "nested": "[" * 60 + "a]" * 60,
    }


def texts(size: int) -> Iterable[tuple[str, str]]:
    """Return every text with its name."""
    return [*many(size).items(), *repeated().items()]
