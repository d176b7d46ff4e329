"""Text files: read up to a limit, and written whole or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EFBIG
from itertools import count
from pathlib import Path

from .diagnostic import Diagnostic, Mistake

_STDOUT, _STDERR = 1, 2  # descriptors
_MOST = 16_000_000  # bytes of what a project keeps beside its specs


def read_start(path: str | Path, most: int) -> bytes:
    """Return the content of a file or of a pipe; where it is longer than `most`, one byte more.

    Errors: an OSError where that fails, also for a device that does not end.
    """
    with open(path, "rb") as file:
        data = file.read(most + 1)
        if len(data) > most and stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
            raise OSError(EFBIG, "it is a device that does not end")
    return data


def read_text(path: str | Path, most: int = _MOST) -> str:
    """Return the text of a file in UTF-8, which is not a spec.

    Errors: an OSError where that fails, also for a file that is too large; a UnicodeDecodeError.
    """
    data = read_start(path, most)
    if len(data) > most:
        raise OSError(EFBIG, f"it is larger than {most:,} bytes")
    return data.decode("utf-8")


def write_text(path: str | Path, text: str) -> None:
    """Write a file in UTF-8, so that it has its old content or the new one, and never a part.

    The text goes to a new file beside it, which then takes its place and its permissions; a link
    stays one. What is no regular file, such as /dev/stdout or a pipe, is written directly.
    A character that UTF-8 does not have, from a name of a file, is written as an escape.

    Errors: a Mistake with CNN002 where that fails; the file is then as it was.
    """
    data = text.encode("utf-8", "backslashreplace")
    try:
        found = _status(path)
        if found is not None and not _is_replaceable(found):
            _append(path, found, data)
        else:
            _replace(os.path.realpath(path), found, data)
    except BrokenPipeError:
        raise
    except (OSError, ValueError) as error:
        raise Mistake(Diagnostic("CNN002", f"cannot write {path}: {reason(error)}")) from None


def reason(error: Exception) -> str:
    """Return why the system refused something."""
    return str(getattr(error, "strerror", None) or error)


def _status(path: str | Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _is_replaceable(found: os.stat_result) -> bool:
    """Whether it is a regular file that no stream of ours goes to, such as a redirected stdout."""
    return stat.S_ISREG(found.st_mode) and _descriptor(found) is None


def _descriptor(found: os.stat_result) -> int | None:
    """Return the descriptor of our stdout or stderr if it leads to a file."""
    for number in (_STDOUT, _STDERR):
        with suppress(OSError):  # it may be closed
            if os.path.samestat(os.fstat(number), found):
                return number
    return None


def _append(path: str | Path, found: os.stat_result, data: bytes) -> None:
    """Write to a device, to a pipe, or to where a stream of ours has come to."""
    number = _descriptor(found)
    if number is None:
        descriptor = os.open(path, os.O_WRONLY)
    else:
        descriptor = os.dup(number)
        sys.stdout.flush()
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _replace(path: str, found: os.stat_result | None, data: bytes) -> None:
    """Write a new file beside a path, and let it take its place."""
    with _beside(path) as (descriptor, new):
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if found is not None:
            _keep_access(new, found)
        os.replace(new, path)
    _settle(os.path.dirname(path))


@contextmanager
def _beside(path: str) -> Iterator[tuple[int, str]]:
    """Open a new file in the folder of a path; remove it if anything fails."""
    folder = os.path.dirname(path)
    for number in count():
        new = os.path.join(folder, f".cnncalc-{os.getpid()}-{number}.tmp")
        try:
            descriptor = os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            continue
        break
    try:
        yield descriptor, new
    except BaseException:
        os.unlink(new)
        raise


def _keep_access(new: str, found: os.stat_result) -> None:
    """Give a new file the permissions and, where that is allowed, the owner of the old one."""
    if hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(new, found.st_uid, found.st_gid)
    os.chmod(new, stat.S_IMODE(found.st_mode))


def _settle(folder: str) -> None:
    """Ask for the new name to be on the disk too, where the system knows how."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
