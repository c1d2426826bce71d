"""The only reader of the environment."""

from __future__ import annotations

import logging
import os
import re
import stat
from collections.abc import Sequence
from pathlib import Path

from dataflow.errors import UsageError

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZE = re.compile(rf"([0-9]+(?:\.[0-9]+)?) ?({'|'.join(_UNITS)})", re.IGNORECASE)
#: Bytes of the cache when nobody says.
_CACHE_SIZE = "1GB"


def log_level() -> int:
    """The level of ``LOG_LEVEL`` as `logging` counts it; WARNING where it is not set.

    Raises `UsageError` for a word that names no level.
    """
    word = os.environ.get("LOG_LEVEL", "").strip().upper() or "WARNING"
    level = logging.getLevelNamesMapping().get(word)
    if level is None:
        known = ", ".join(sorted(logging.getLevelNamesMapping(), key=str))
        msg = f"LOG_LEVEL={word} is not a log level: use one of {known}"
        raise UsageError(msg)
    return level


def log_format() -> str:
    """How log records are written: ``DATAFLOW_LOG_FORMAT``, ``text`` or ``json``; else ``text``.

    Raises `UsageError` for any other word.
    """
    word = os.environ.get("DATAFLOW_LOG_FORMAT", "").strip().lower() or "text"
    if word not in {"text", "json"}:
        raise UsageError(f"DATAFLOW_LOG_FORMAT={word} is not a format: use text or json")
    return word


def output_format() -> str:
    """How commands print their outcome: ``DATAFLOW_FORMAT``, else ``text``."""
    return os.environ.get("DATAFLOW_FORMAT", "").strip() or "text"


def color() -> bool:
    """Whether colours are wanted where they are possible: not with ``NO_COLOR``.

    https://no-color.org: any value that is not empty forbids them. A ``dumb`` terminal has none.
    """
    return not os.environ.get("NO_COLOR") and has_cursor()


def has_cursor() -> bool:
    """Whether a terminal can be told where to write: all but a ``dumb`` one."""
    return os.environ.get("TERM") != "dumb"


def home(explicit: str | None = None) -> Path:
    """Where the engine keeps its files, as an absolute path; the directory need not exist.

    It is ``explicit`` (the option ``--home``), else ``DATAFLOW_HOME``, else ``dataflow`` in the
    state directory of https://specifications.freedesktop.org/basedir-spec/latest/: XDG_STATE_HOME,
    or ``~/.local/state``. Raises `UsageError` where the user has no home directory.
    """
    try:
        chosen = explicit or os.environ.get("DATAFLOW_HOME")
        if chosen:
            return Path(chosen).expanduser().absolute()
        state = os.environ.get("XDG_STATE_HOME", "")
        # Relative paths must be ignored, says the specification.
        if os.path.isabs(state):  # noqa: PTH117 - the empty string is not a Path
            return Path(state) / "dataflow"
        return Path.home() / ".local" / "state" / "dataflow"
    except RuntimeError as error:
        raise UsageError(
            "there is no home directory to keep files in: name one with --home or DATAFLOW_HOME"
        ) from error


def engine(explicit: str | None = None) -> str:
    """Which engine is meant: ``explicit`` (the option ``--engine``), else ``DATAFLOW_ENGINE``.

    ``local`` where neither says anything.
    """
    return explicit or os.environ.get("DATAFLOW_ENGINE", "").strip() or "local"


def connection_attempts() -> int:
    """How often a call is made before its failure is told: ``SWF_CONNECTION_RETRIES``, else 5.

    Raises `UsageError` for what is no number.
    """
    word = os.environ.get("SWF_CONNECTION_RETRIES", "").strip() or "5"
    if not (word.isascii() and word.isdecimal()):
        raise UsageError(f"SWF_CONNECTION_RETRIES={word} is not a number of attempts, such as 5")
    return max(1, int(word))


def aws_keys() -> tuple[str, str, str | None] | None:
    """The access key id, the secret and the session token of the environment; None if not there.

    The names are those of every AWS tool. Raises `UsageError` for half a key.
    """
    key_id = os.environ.get("AWS_ACCESS_KEY_ID", "").strip()
    secret = os.environ.get("AWS_SECRET_ACCESS_KEY", "").strip()
    if not key_id and not secret:
        return None
    if not key_id or not secret:
        missing = "AWS_SECRET_ACCESS_KEY" if key_id else "AWS_ACCESS_KEY_ID"
        raise UsageError(f"half a key is in the environment: set {missing}, too")
    return key_id, secret, os.environ.get("AWS_SESSION_TOKEN", "").strip() or None


def aws_region() -> str | None:
    """The region that ``AWS_DEFAULT_REGION`` names; a profile may name another one."""
    return os.environ.get("AWS_DEFAULT_REGION", "").strip() or None


def ca_bundle() -> str | None:
    """The file of the authorities that sign certificates, if ``AWS_CA_BUNDLE`` names one."""
    return os.environ.get("AWS_CA_BUNDLE", "").strip() or None


def domain(explicit: str | None = None) -> str:
    """The domain: ``explicit`` (``--domain``), else ``SWF_DOMAIN``, else ``default``."""
    return explicit or os.environ.get("SWF_DOMAIN", "").strip() or "default"


def modules(explicit: Sequence[str] = ()) -> list[str]:
    """What may be imported for tasks: ``explicit`` (``--module``), else ``DATAFLOW_MODULES``.

    Modules and packages, separated by commas; none: everything.
    """
    words = os.environ.get("DATAFLOW_MODULES", "").split(",")
    return list(explicit) or [word.strip() for word in words if word.strip()]


# --- jumbo fields ---------------------------------------------------------------------------


def jumbo_fields_bucket() -> str | None:
    """Where jumbo fields are kept: ``DATAFLOW_JUMBO_FIELDS_BUCKET``, as it is written."""
    return os.environ.get("DATAFLOW_JUMBO_FIELDS_BUCKET", "").strip() or None


def jumbo_fields_read_also() -> list[str]:
    """Where jumbo fields were kept before: ``DATAFLOW_JUMBO_FIELDS_READ_ALSO``, by commas."""
    words = os.environ.get("DATAFLOW_JUMBO_FIELDS_READ_ALSO", "").split(",")
    return [word.strip() for word in words if word.strip()]


def jumbo_fields_max_size() -> int | None:
    """The longest text that is stored: ``DATAFLOW_JUMBO_FIELDS_MAX_SIZE``; None: it says nothing.

    Raises `UsageError` for what is no size.
    """
    return _size("DATAFLOW_JUMBO_FIELDS_MAX_SIZE", "")


def codec() -> str | None:
    """The codec that fields are written with: ``DATAFLOW_CODEC``; may be ``none``."""
    return os.environ.get("DATAFLOW_CODEC", "").strip() or None


def encryption_keys() -> tuple[str, str]:
    """The keys of the codec ``aesgcm``, as they are written, and the name of where they come from.

    ``DATAFLOW_ENCRYPTION_KEYS``, or the content of the file that ``DATAFLOW_ENCRYPTION_KEYS_FILE``
    names; empty if neither is set. Raises `UsageError` for a file that others may read.
    """
    keys = os.environ.get("DATAFLOW_ENCRYPTION_KEYS", "").strip()
    name = os.environ.get("DATAFLOW_ENCRYPTION_KEYS_FILE", "").strip()
    if keys and name:
        raise UsageError(
            "DATAFLOW_ENCRYPTION_KEYS and DATAFLOW_ENCRYPTION_KEYS_FILE are both set: keep one"
        )
    if not name:
        return keys, "DATAFLOW_ENCRYPTION_KEYS"
    try:
        with Path(name).expanduser().open(encoding="ascii") as file:
            if os.fstat(file.fileno()).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise UsageError(f"others may read or write {name}, which holds keys: chmod 600 it")
            return file.read().strip(), name
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or "it is no text of keys"
        raise UsageError(f"cannot read DATAFLOW_ENCRYPTION_KEYS_FILE={name}: {why}") from error


def cache_directory() -> Path:
    """Where the cache of jumbo fields is: ``DATAFLOW_CACHE_DIR``; it need not exist.

    Else ``dataflow`` in the cache directory of the XDG specification: XDG_CACHE_HOME, or
    ``~/.cache``. Raises `UsageError` where the user has no home directory.
    """
    try:
        chosen = os.environ.get("DATAFLOW_CACHE_DIR", "").strip()
        if chosen:
            return Path(chosen).expanduser().absolute()
        caches = os.environ.get("XDG_CACHE_HOME", "")
        if os.path.isabs(caches):  # noqa: PTH117 - as in `home`
            return Path(caches) / "dataflow"
        return Path.home() / ".cache" / "dataflow"
    except RuntimeError as error:
        raise UsageError(
            "there is no home directory to have a cache in: name one in DATAFLOW_CACHE_DIR, or set "
            "DATAFLOW_CACHE_SIZE=0 to have none"
        ) from error


def cache_size() -> int:
    """Bytes that the cache may take: ``DATAFLOW_CACHE_SIZE``, else 1 GB. 0: no cache.

    Raises `UsageError` for what is no size.
    """
    return _size("DATAFLOW_CACHE_SIZE", _CACHE_SIZE) or 0


def _size(variable: str, default: str) -> int | None:
    word = os.environ.get(variable, "").strip() or default
    if not word:
        return None
    found = _SIZE.fullmatch(word)
    if found is None:
        raise UsageError(f"{variable}={word} is not a size: write bytes, or 500KB, 20MB, 1.5GB")
    return int(float(found[1]) * _UNITS[found[2].upper()])


# --- processes ------------------------------------------------------------------------------


def identity_changes() -> str:
    """``DATAFLOW_IDENTITY``: JSON that is merged over the identity of a process; may be empty."""
    return os.environ.get("DATAFLOW_IDENTITY", "")


def variables(prefixes: tuple[str, ...]) -> dict[str, str]:
    """The variables whose names begin so, by name."""
    return {name: value for name, value in sorted(os.environ.items()) if name.startswith(prefixes)}
