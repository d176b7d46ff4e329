"""Read text files up to a limit, and write them completely or not at all."""

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
_MOST = 16_000_000  # bytes of a file that is not a spec, such as a lock or a configuration


def read_start(path: str | Path, most: int) -> bytes:
    """Return the content of a file or a pipe, but at most `most` + 1 bytes of it.

    Errors: an OSError if it cannot be read, or is a device that never ends.
    """
    with open(path, "rb") as file:
        data = file.read(most + 1)
        if len(data) > most and stat.S_ISCHR(os.fstat(file.fileno()).st_mode):
            raise OSError(EFBIG, "it is a device that never ends")
    return data


def read_text(path: str | Path, most: int = _MOST) -> str:
    """Return the text of a UTF-8 file that is not a spec.

    Errors: an OSError if it cannot be read or is too large; a UnicodeDecodeError.
    """
    data = read_start(path, most)
    if len(data) > most:
        raise OSError(EFBIG, f"it is larger than {most:,} bytes")
    return data.decode("utf-8")


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 file as `write_bytes` does.

    A character from a file name that UTF-8 cannot express is escaped.
    """
    write_bytes(path, text.encode("utf-8", "backslashreplace"))


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file so that it always has its old or its new content, and never a part.

    The data is written to a new file in the same folder, which then replaces the old one and keeps
    its permissions. A link stays a link. Anything but a regular file, such as /dev/stdout or a
    pipe, is written directly.

    Errors: a Mistake with CNN002 if it cannot be written; the file is then unchanged.
    """
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
    """Return why an operation of the system failed."""
    return str(getattr(error, "strerror", None) or error)


def _status(path: str | Path) -> os.stat_result | None:
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _is_replaceable(found: os.stat_result) -> bool:
    """Return whether it is a regular file, and not the target of our own stdout or stderr."""
    return stat.S_ISREG(found.st_mode) and _descriptor(found) is None


def _descriptor(found: os.stat_result) -> int | None:
    """Return the descriptor of our stdout or stderr if it writes to this file, otherwise None."""
    for number in (_STDOUT, _STDERR):
        with suppress(OSError):  # it may be closed
            if os.path.samestat(os.fstat(number), found):
                return number
    return None


def _append(path: str | Path, found: os.stat_result, data: bytes) -> None:
    """Write to a device or a pipe, or continue a file that our stdout or stderr writes to."""
    number = _descriptor(found)
    if number is None:
        descriptor = os.open(path, os.O_WRONLY)
    else:
        descriptor = os.dup(number)
        sys.stdout.flush()
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)


def _replace(path: str, found: os.stat_result | None, data: bytes) -> None:
    """Write a new file in the same folder, then replace the old one with it."""
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
    """Open a new file in the same folder as a path; remove it if anything fails."""
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
    """Give a new file the permissions and, if that is allowed, the owner of the old one."""
    if hasattr(os, "chown"):
        with suppress(PermissionError):
            os.chown(new, found.st_uid, found.st_gid)
    os.chmod(new, stat.S_IMODE(found.st_mode))


def _settle(folder: str) -> None:
    """Make sure that the new name is on the disk too, if the system supports it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
