"""Replies that many tests use."""

import functools
import uuid
import zlib

from .faults import Reply

JSON = ("Content-Type", "application/json")


def vendor_error(
    status: int, code: str, message: str = "An error.", *, headers: tuple[tuple[str, str], ...] = ()
) -> Reply:
    """Answer an error in the vendor's shape, of the service or (by its code) of the gateway."""
    request_id = uuid.uuid4().hex
    body = {"error_code": code, "error_msg": message}
    if code.startswith("APIG"):
        body["request_id"] = request_id
    return Reply(status, body, (JSON, ("X-Request-Id", request_id), *headers))


def throttled(
    retry_after: str | None = None, *, code: str = "APIGW.0308", status: int = 429
) -> Reply:
    """Answer that there were too many requests, with any form of Retry-After."""
    headers = () if retry_after is None else (("Retry-After", retry_after),)
    message = "The throttling threshold has been reached: policy user over ratelimit"
    return vendor_error(status, code, message, headers=headers)


def html(status: int, *, acts: bool = False) -> Reply:
    """Answer an HTML page, as a proxy in front of the API does."""
    page = f"<!DOCTYPE html><html><body><h1>{status}</h1></body></html>"
    return Reply(status, page, (("Content-Type", "text/html"),), acts)


def redirect(url: str, status: int = 302) -> Reply:
    """Point somewhere else."""
    return Reply(status, b"", (("Location", url),))


def gzip_bomb(mebibytes: int = 100, *, acts: bool = False) -> Reply:
    """Answer a small body that unpacks to a large one."""
    return Reply(200, _bomb(mebibytes), (JSON, ("Content-Encoding", "gzip")), acts)


@functools.cache
def _bomb(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    block = b" " * 1024 * 1024
    return b"".join(packer.compress(block) for _ in range(mebibytes)) + packer.flush()
