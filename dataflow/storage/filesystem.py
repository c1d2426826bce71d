"""Jumbo fields wherever fsspec gets: Google's storage, Azure's, SFTP, a memory for tests.

https://filesystem-spec.readthedocs.io. Few file systems have conditional writes, and not all of
them write in one step. So an object that is there is left alone only if it is as long as it should
be: one that an interrupted upload has left is written anew.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import fsspec  # type: ignore[import-untyped]

from dataflow.errors import PayloadError, PayloadUnavailable
from dataflow.storage.repeating import Transient, repeat


class FilesystemStore:
    """A directory of a file system that fsspec knows."""

    def __init__(
        self, scheme: str, location: str, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.scheme = scheme
        self.location = location
        self._url = f"{scheme}://{location}"
        self._sleep = sleep
        try:
            self._system, self._path = fsspec.url_to_fs(self._url)
        except (ImportError, ValueError) as error:
            raise PayloadUnavailable(f"{self._url} cannot be used: {error}") from error

    def put(self, name: str, data: bytes) -> None:
        repeat(lambda: self._try(self._put, name, data), self._sleep)

    def get(self, name: str) -> bytes:
        data: bytes = repeat(lambda: self._try(self._get, name), self._sleep)
        return data

    def _put(self, path: str, data: bytes) -> None:
        try:
            if self._system.info(path)["size"] == len(data):
                return
        except FileNotFoundError:
            self._system.makedirs(self._path, exist_ok=True)
        self._system.pipe_file(path, data)

    def _get(self, path: str) -> bytes:
        data: bytes = self._system.cat_file(path)
        return data

    def _try(self, call: Callable[..., Any], name: str, *data: bytes) -> Any:
        try:
            return call(f"{self._path}/{name}", *data)
        except FileNotFoundError as error:
            raise PayloadError(
                f"there is no object {name} in {self._url}: it was deleted, or never arrived"
            ) from error
        except PermissionError as error:
            raise PayloadError(f"{self._url} denies access to {name}: {error}") from error
        except Exception as error:  # each file system has errors of its own, and no common ones
            told = " ".join(f"{type(error).__name__}: {error}".split())
            raise Transient(f"{self._url} cannot be reached now ({told})") from error
