"""Where the key is found that requests are signed with: where every AWS tool finds its key.

First the environment (``AWS_ACCESS_KEY_ID``, ...), then the profile ``AWS_PROFILE`` of the user's
credentials and config files. botocore reads these, since it knows all that may stand there; it is
not imported where the environment says enough. What it would ask Amazon for, the role of a machine
or of a container, is no key of our server.
"""

from __future__ import annotations

from collections.abc import Callable

from dataflow.client.signing import Credentials
from dataflow.errors import UsageError
from dataflow.settings import aws_keys

#: A key may change while it is used: it is asked for with each request.
FindKey = Callable[[], Credentials]

_AMAZON_ONLY = ("container-role", "iam-role")
_REMEDY = (
    "`dataflow server.key.create` makes one; give it in AWS_ACCESS_KEY_ID and "
    "AWS_SECRET_ACCESS_KEY, or as a profile, in AWS_PROFILE"
)


def find_key() -> FindKey:
    """The key to sign with. Raises `UsageError` where there is none."""
    keys = aws_keys()
    if keys is None:
        return _of_profile()
    found = Credentials(*keys)
    return lambda: found


def _of_profile() -> FindKey:
    # A tenth of a second, for those who need it.
    import botocore.session  # type: ignore[import-untyped]  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # type: ignore[import-untyped]  # noqa: PLC0415

    try:
        session = botocore.session.Session()
        resolver = session.get_component("credential_provider")
        for name in _AMAZON_ONLY:
            resolver.remove(name)
        found = session.get_credentials()
    except BotoCoreError as error:
        raise UsageError(f"the key to sign with cannot be read: {error}; {_REMEDY}") from error
    if found is None:
        raise UsageError(f"requests over TCP are signed, and there is no key: {_REMEDY}")

    def current() -> Credentials:
        try:
            frozen = found.get_frozen_credentials()
        except BotoCoreError as error:
            raise UsageError(f"the key to sign with cannot be renewed: {error}") from error
        return Credentials(frozen.access_key, frozen.secret_key, frozen.token)

    current()  # half a profile is found out now
    return current
