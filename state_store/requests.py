"""Requests to a bucket that failed: which are made again, and what is said of those that are not."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import TypeVar

from state_store.address import Address
from state_store.errors import StoreError, StoreLocationError

T = TypeVar("T")

TRIES, PAUSE = 4, 0.2
"""How often a request is made whose failure the client does not repeat itself, and seconds before the second."""

SILENT = "the endpoint cannot be reached, or does not answer in time"
STATUS = re.compile(r"status code: (\d{3})[ \w]*?([A-Z][A-Za-z ]+)?:")
CODE = re.compile(r"<Code>(\w{1,80})</Code>")
EXISTS = {"BlobAlreadyExists", "UnexpectedValue"}
"""Codes with which Azure says 409 and means what others say with 412."""

NO_BUCKET = ("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist")
NO_CREDENTIALS = ("169.254.169.254", "metadata.google.internal", "token request", "169.254.170.2")
UNREACHED = ("error sending request", "dns error", "connection refused", "timed out")


def status_of(error: BaseException) -> int:
    """Return the status that a server answered with; 0 where it did not answer.

    Examples
    --------
    >>> status_of(OSError("Server returned non-2xx status code: 403 Forbidden: <Code>AccessDenied</Code>"))
    403
    """
    found = STATUS.search(str(error))
    return int(found.group(1)) if found else 0


def is_conflict(error: BaseException) -> bool:
    """Return whether two writers met: the request is made again then, since the other may yet fail."""
    code = CODE.search(str(error))
    return status_of(error) == 409 and not (code and code.group(1) in EXISTS)


def is_passing(error: BaseException) -> bool:
    """Return whether the same request may succeed a little later and the client has not tried again itself."""
    status = status_of(error)
    return is_conflict(error) or ((status in (0, 408, 429) or status >= 500) and "retries, max" not in str(error))


def has_no_bucket(error: BaseException) -> bool:
    """Return whether the bucket itself is missing, which a missing name must not be taken for."""
    return any(words in str(error) for words in NO_BUCKET)


def insisting(work: Callable[[], T], *, passing: Callable[[BaseException], bool] = is_passing) -> T:
    """Return what ``work`` returns; it is done again, after a jittered pause, where its failure may pass.

    Examples
    --------
    >>> insisting(lambda: 7)
    7
    """
    for attempt in range(1, TRIES):
        try:
            return work()
        except Exception as error:
            if not passing(error):
                raise
        time.sleep(random.uniform(0.5, 1.0) * PAUSE * 2**attempt)  # noqa: S311
    return work()


def reason_of(error: BaseException) -> str:
    """Return why a request failed, in words that hold nothing secret: neither addresses signed nor keys echoed.

    Examples
    --------
    >>> reason_of(OSError("status code: 403 Forbidden: <Error><Code>InvalidAccessKeyId</Code><Key>AK</Key>"))
    '403 Forbidden (InvalidAccessKeyId)'
    """
    text = str(error)
    status, code = STATUS.search(text), CODE.search(text)
    if any(words in text for words in NO_CREDENTIALS):
        return "no credentials were found"
    if status:
        named = f"{status.group(1)} {(status.group(2) or '').strip()}".strip()
        return named + (f" ({code.group(1)})" if code else "")
    if any(words in text for words in UNREACHED):
        return SILENT
    return "the answer is incomplete or cannot be read"


def request_error(kind: type[StoreError], doing: str, address: Address, error: BaseException) -> StoreError:
    """Return the error that says what could not be done with a bucket, why, and what to do.

    Examples
    --------
    >>> print(request_error(StoreError, "read leaves/x of", Address("s3", "team"), OSError("dns error")))
    Cannot read leaves/x of s3://team: the endpoint cannot be reached, or does not answer in time. Nothing was ...
    """
    why = reason_of(error)
    if has_no_bucket(error):
        return StoreLocationError(
            f"There is no bucket {address.bucket!r} on {address.service} (asked for {address}); make it, or check "
            "the name and the endpoint."
        )
    if status_of(error) in (401, 403) or "credentials" in why:
        advice = f"Check that your credentials may read and write there; they come from {address.variables}"
        advice += ", or from the machine's own role"
    elif why == SILENT:
        advice = "Check the network and the endpoint, then run the same again"
    else:
        advice = "Run the same again later: it continues from what is stored; `hpo store check` tests the place"
    return kind(f"Cannot {doing} {address}: {why}. Nothing was lost. {advice}.")
