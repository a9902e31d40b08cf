"""Addresses of buckets: what a person writes, without anything secret in it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from state_store.errors import StoreLocationError

KINDS = {
    "s3": ("S3", "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (AWS_ENDPOINT_URL where it is not Amazon's)"),
    "gs": ("Google Cloud Storage", "GOOGLE_APPLICATION_CREDENTIALS"),
    "az": ("Azure", "AZURE_STORAGE_ACCOUNT_NAME and AZURE_STORAGE_ACCOUNT_KEY"),
}
"""By scheme: the service, and the variables that its credentials are usually set with."""

BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}")
PREFIX = re.compile(r"[A-Za-z0-9!_.*'()=+,-]+(?:/[A-Za-z0-9!_.*'()=+,-]+)*")


@dataclass(frozen=True)
class Address:
    """A place in a bucket.

    Attributes
    ----------
    scheme : ``s3``, ``gs`` or ``az``.
    bucket : its name; of Azure, the container's.
    prefix : what every name begins with, or ``""``.

    Examples
    --------
    >>> str(Address("s3", "team", "states"))
    's3://team/states'
    """

    scheme: str
    bucket: str
    prefix: str = ""

    def __str__(self) -> str:
        """Show the address as it is written."""
        return f"{self.scheme}://{self.bucket}" + (f"/{self.prefix}" if self.prefix else "")

    @property
    def service(self) -> str:
        """Name of the service."""
        return KINDS[self.scheme][0]

    @property
    def variables(self) -> str:
        """The variables of the environment that credentials are usually set with."""
        return KINDS[self.scheme][1]


def is_address(text: str) -> bool:
    """Return whether a text is an address, not a path.

    Examples
    --------
    >>> is_address("s3://team/states"), is_address("file:///states"), is_address("states")
    (True, False, False)
    """
    return "://" in text and not text.startswith("file://")


def parse_address(text: str) -> Address:
    """Return the place that an address names.

    Raises
    ------
    StoreLocationError
        If it is of no service that is known, names no bucket, or has a user, a password or a query in it; the
        message never repeats what may be secret.

    Examples
    --------
    >>> parse_address("s3://team/states/")
    Address(scheme='s3', bucket='team', prefix='states')
    >>> parse_address("s3://key:secret@team/states")
    Traceback (most recent call last):
    ...
    state_store.errors.StoreLocationError: The address of a store has no user, password or query in it: ...
    """
    scheme, _, rest = text.partition("://")
    if scheme not in KINDS:
        raise StoreLocationError(
            f"{scheme + '://…'!r} is not an address of a store: give a directory, s3://bucket/prefix, "
            "gs://bucket/prefix or az://container/prefix."
        )
    if any(sign in rest for sign in "@?#"):
        raise StoreLocationError(
            "The address of a store has no user, password or query in it: it is written into records and reports. "
            f"Credentials come from the environment, for example {KINDS[scheme][1]}."
        )
    bucket, _, prefix = rest.partition("/")
    prefix = prefix.strip("/")
    if not BUCKET.fullmatch(bucket) or (prefix and not _confined(prefix)):
        raise StoreLocationError(
            f"{text!r} names no place in a bucket: write {scheme}://bucket/prefix, the prefix of letters, digits "
            "and - _ . = between single slashes."
        )
    return Address(scheme, bucket, prefix)


def _confined(prefix: str) -> bool:
    return PREFIX.fullmatch(prefix) is not None and not {".", ".."} & set(prefix.split("/"))
