"""Where jumbo fields are kept, as users write it: ``bucket/prefix``, or a URL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote, unquote

from dataflow.errors import UsageError
from dataflow.payload import jumbo

#: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
#: What a reference may stand for, but for its place.
_ANY = jumbo.Reference("s3", "", jumbo.digest(b""), "", 0)
_FORMS = "write bucket/prefix for Amazon S3, file:///a/directory, or another scheme://location"


class Place(NamedTuple):
    """What references say of where their objects are."""

    scheme: str
    location: str

    @property
    def path(self) -> Path:
        """The directory of a ``file`` place."""
        return Path(unquote(self.location))

    def __str__(self) -> str:
        return f"{self.scheme}://{self.location}"


#: The directory store of an embedded engine, relative to its home: a home can be moved.
HOME = Place("file", "payloads")


def place(text: str, variable: str) -> Place:
    """The place that a user has written into this variable. Raises `UsageError`."""
    scheme, separator, location = text.partition("://")
    if not separator:
        scheme, location = "s3", text
    location = location.rstrip("/")
    if scheme == "file":
        if not Path(location).is_absolute():
            raise UsageError(f"{variable}={text} is no absolute path: write file:///a/directory")
        location = quote(unquote(location), safe="/._~@:+=,-")
    authority = location.partition("/")[0]
    if scheme == "s3" and not _BUCKET.fullmatch(authority):
        raise UsageError(f"{variable}={text}: {authority!r} is no name of a bucket; {_FORMS}")
    if ":" in authority.rpartition("@")[0]:
        hidden = f"{scheme}://...@{authority.rpartition('@')[2]}"
        raise UsageError(
            f"{variable}={hidden} has a password, which would stand in every history: leave it to "
            "the configuration of fsspec"
        )
    found = Place(scheme, location)
    reference = _ANY._replace(scheme=scheme, location=location)
    if jumbo.parse(str(reference)) != reference:
        raise UsageError(f"{variable}={text} is no place that a reference can name: {_FORMS}")
    return found
