"""Makes texts that are hard to read: deep, long, doubling, repeated, full of digits or blanks."""

from __future__ import annotations

import random
import re

_DIGITS = ("1", "0", "9", "-1", "0.5", "1e9", "1e99999999", "4503599627370496.1", "0x10")
_CALLS = ("min", "max", "ceil", "floor", "round", "len", "ceil_div", "make_divisible")
_SIGNS = ("+", "-", "*", "/", "//", "%", "**", "==", "<", ">=", "in", "and", "or", "if", "not in")
_NAMES = ("c", "i", "p0", "depths", "width", "true", "none", "'1e99999999'", "'a'", "''")
_MANY = (1, 2, 5, 30, 70, 300, 2000)
_COMMENTS = (
    "# cnncalc: ignore",
    "# cnncalc: ignore[CNN501]",
    "# cnncalc: ignore[CNM501, CNN9]",
    "# cnncalc: ignore-file[CNN2]",
    "# cnncalc: ignore CNN204",
    "#",
    "# cnncalc:",
)


def grown(text: str, rng: random.Random) -> str:
    """Add something deep, long or repeated at a place where it may be read."""
    return rng.choice(
        (_expressions, _nested, _aliases, _doubling, _blanks, _comments, _digits, _declared, _lists)
    )(text, rng)


def expression(rng: random.Random, depth: int = 3) -> str:
    """Return a random expression, most of which have no value."""
    kind = rng.randrange(7) if depth else 0
    if kind < 2:
        return rng.choice((*_DIGITS, *_NAMES, str(rng.randrange(300))))
    inner = [expression(rng, depth - 1) for _ in range(rng.choice((1, 2, 2, 3)))]
    if kind == 2:
        return f"{rng.choice(_CALLS)}({', '.join(inner)})"
    if kind == 3:
        return f"[{', '.join(inner * rng.choice((1, 1, 20)))}]"
    if kind == 4:
        return f"({inner[0]} if {inner[-1]} else {inner[0]})"
    if kind == 5:
        return f"{inner[0]}[{inner[-1]}]"
    sign = rng.choice(_SIGNS)
    return "(" + f" {sign} ".join(inner) + ")"


def _values(text: str) -> list[re.Match[str]]:
    """Return the places of single values: numbers and words after a colon, a comma or a bracket."""
    return list(re.finditer(r"(?<=[:,\[] )[\w.]+|(?<=\[)[\w.]+", text))


def _with_value(text: str, rng: random.Random, value: str) -> str:
    """Replace a value with another."""
    found = _values(text)
    if not found:
        return f"{text}\nname: {value}\n"
    at = rng.choice(found)
    return text[: at.start()] + value + text[at.end() :]


def _expressions(text: str, rng: random.Random) -> str:
    return _with_value(text, rng, f'"{expression(rng)}"')


def _nested(text: str, rng: random.Random) -> str:
    """Put brackets around a value, those of YAML or of an expression."""
    n, quote = rng.choice(_MANY), rng.choice(("", '"'))
    opening, closing = rng.choice((("[", "]"), ("(", ")"), ("{a: ", "}"), ("[[", "]")))
    return _with_value(text, rng, f"{quote}{opening * n}1{closing * n}{quote}")


def _chain(rng: random.Random, first: str, line: str) -> str:
    """Add lines of parameters, each of which uses the one before it."""
    lines = (line.format(n=n, m=n - 1) for n in range(1, rng.choice((5, 20, 60))))
    return first + "".join(lines)


def _with_params(text: str, lines: str) -> str:
    """Add parameters to the existing ones."""
    if re.search(r"^params: *$", text, re.M):
        return re.sub(r"^params: *$", lambda match: f"params:\n{lines}", text, count=1, flags=re.M)
    return re.sub(r"^params:.*$\n?", "", text, flags=re.M) + f"\nparams:\n{lines}"


def _aliases(text: str, rng: random.Random) -> str:
    """Add aliases of aliases: wider or deeper ones."""
    n = rng.choice((1, 2, 3, 10))
    line = rng.choice(
        (
            "  a{n}: &a{n} [" + ", ".join(["*a{m}"] * n) + "]\n",
            "  a{n}: &a{n} " + "[" * 30 + "*a{m}" + "]" * 30 + "\n",
        )
    )
    return _with_params(text, _chain(rng, "  a0: &a0 [1, 1]\n", line))


def _doubling(text: str, rng: random.Random) -> str:
    """Add lists that double or nest deeper from parameter to parameter; sometimes compare them."""
    n = rng.choice((1, 2, 40))
    line = rng.choice(
        ('  p{n}: "[p{m}, p{m}]"\n', '  p{n}: "' + "[" * n + "p{m}" + "]" * n + '"\n')
    )
    lines = _chain(rng, rng.choice(("  p0: [0, 0]\n", "  p0: []\n", "  p0: 3\n")), line)
    last = lines.rstrip().rpartition("\n")[2].split(":")[0].strip()
    lines += f'  last: "{last} {rng.choice(("==", "in", "<", "+"))} {last}"\n'
    return _with_params(text, lines)


def _blanks(text: str, rng: random.Random) -> str:
    """Add blanks, tabs or line ends anywhere."""
    at = rng.randrange(len(text) + 1)
    what = rng.choice((" ", " ", "\n", "\t", " \n", "\\", "''", '\\"', "- "))
    return text[:at] + what * rng.choice((1, 10, 1000, 50_000)) + text[at:]


def _comments(text: str, rng: random.Random) -> str:
    """Add comments on lines of their own or after layers."""
    comment, lines = rng.choice(_COMMENTS), text.splitlines() or [""]
    at = rng.randrange(len(lines))
    if rng.random() < 0.5:
        lines[at] += f" {comment}"
    else:
        lines[at:at] = [comment] * rng.choice((1, 20, 3000))
    return "\n".join(lines) + "\n"


def _digits(text: str, rng: random.Random) -> str:
    """Add numbers with many digits."""
    n = rng.choice((17, 18, 19, 40, 400, 5000))
    number = rng.choice(
        ("9" * n, f"0.{'1' * n}", f"1e{n}", f"{'1' * n}.5", f"1e-{n}", "7" * n + "M")
    )
    return _with_value(text, rng, rng.choice((number, f'"{number}"', f'"< {number}"')))


def _declared(text: str, rng: random.Random) -> str:
    """Add many blocks, parameters, variants, budgets, published figures or layers."""
    n = rng.choice((3, 30, 1500))
    part, line = rng.choice(
        (
            ("blocks", "  b{n}: {{layers: [relu]}}"),
            ("blocks", "  b{n}: {{layers: [b{m}, b{m}]}}"),
            ("params", "  q{n}: {n}"),
            ("variants", "  v{n}: {{params: {{width: {n}}}}}"),
            ("budget", "  parms{n}: {n}"),
            ("published", "  - {{what: parms, value: {n}}}"),
            ("outputs", "  - conv{n}"),
            ("layers", "  - convv{n}: 3"),
            ("layers", "  - {{relu: , repeat: {n}}}"),
            ("layers", "  - {{concat: {{a: [], b: []}}, name: j{n}}}"),
        )
    )
    lines = "".join(line.format(n=k, m=k - 1) + "\n" for k in range(n))
    if re.search(rf"^{part}: *$", text, re.M):
        return re.sub(rf"^{part}: *$", lambda m: f"{part}:\n{lines.rstrip()}", text, flags=re.M)
    return f"{text}\n{part}:\n{lines}"


def _lists(text: str, rng: random.Random) -> str:
    """Replace a value with a long list."""
    item = rng.choice(("1", "input", "[]", "{a: 1}", "relu", "c", "[1, 2]"))
    return _with_value(text, rng, "[" + ", ".join([item] * rng.choice((3, 100, 20_000))) + "]")
