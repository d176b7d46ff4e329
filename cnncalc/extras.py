"""Say how to install an extra of cnncalc, such as `torch`, from where this copy came from."""

from __future__ import annotations

import json
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path
from shlex import quote
from urllib.parse import urlsplit
from urllib.request import url2pathname

_CHECKOUT = Path(__file__).parent.parent


def install_command(extra: str) -> str:
    """Return the command that adds an extra to this copy.

    It names the checkout or the address that the copy was installed from. If that is unknown or no
    longer exists, it names the packages of the extra.
    """
    if _is_checkout():
        return _pip(f"{_CHECKOUT}[{extra}]")
    try:
        installed = distribution("cnncalc")
    except PackageNotFoundError:
        return _pip(extra)
    source = _source(installed)
    if source is None:
        return _pip(*_packages(installed, extra))
    if Path(source).exists():
        return _pip(f"{source}[{extra}]")
    return _pip(f"cnncalc[{extra}] @ {source}")


def _is_checkout() -> bool:
    """Return whether this copy is in its repository."""
    project = _CHECKOUT / "pyproject.toml"
    return project.is_file() and 'name = "cnncalc"' in project.read_text("utf-8")


def _pip(*requirements: str) -> str:
    return f"pip install {' '.join(map(quote, requirements))}"


def _source(installed: Distribution) -> str | None:
    """Return the path or address that it was installed from, in the form that pip takes.

    Source: packaging.python.org/specifications/direct-url (`direct_url.json`).
    """
    record = json.loads(installed.read_text("direct_url.json") or "{}")
    url = record.get("url")
    if not url:
        return None
    if url.startswith("file:") and "vcs_info" not in record:
        path = url2pathname(urlsplit(url).path)
        return path if Path(path).exists() else None
    if "vcs_info" in record:
        vcs = record["vcs_info"]
        return f"{vcs['vcs']}+{url}@{vcs['commit_id']}"
    return str(url)


def _packages(installed: Distribution, extra: str) -> list[str]:
    """Return the requirements of an extra, such as `torch>=2.11`."""
    found = []
    for requirement in installed.requires or ():
        package, _, condition = requirement.partition(";")
        words = condition.replace("'", '"').replace(" ", "")
        if f'extra=="{extra}"' in words:
            found.append(package.strip())
    return found or [extra]
