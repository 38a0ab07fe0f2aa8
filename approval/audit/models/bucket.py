"""A bucket with S3 Object Lock, outside the database: what is written there can be extended, and not taken back.

Every request takes the one way out that is handed in (`Ask`), to the endpoint of the settings and nowhere else: boto3
signs requests and reads answers, and opens no connection.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from hashlib import sha256
from typing import Any

from approval.errors import OutpostFailed
from approval.settings import WormBucket

COMPLIANCE, GOVERNANCE = "COMPLIANCE", "GOVERNANCE"
PAGE = 500
_TAKEN = {"PreconditionFailed", "412"}
_ABSENT = {"NoSuchKey", "NoSuchVersion", "404", "MethodNotAllowed", "405"}
_OURS = {"host", "content-length", "expect", "connection", "transfer-encoding"}
"""Headers that belong to the connection."""

Ask = Callable[[str, str, bytes, Mapping[str, str]], tuple[int, Mapping[str, str], bytes]]
"""ask(method, url, body, headers) makes one request; OutpostFailed where no answer came."""


class Refused(OutpostFailed):
    """The bucket did not do what it was asked to do: `code` is S3's word for why."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Locked:
    """A version as it lies in the bucket: how it is locked, and the SHA-256 that the bucket says its bytes have."""

    version: str
    mode: str | None
    until: datetime | None
    sha256: bytes | None


@dataclass(frozen=True)
class Version:
    """One version of a key, or a delete marker, which hides the versions below it."""

    key: str
    version: str
    is_marker: bool


class Bucket:
    """The bucket of the settings."""

    def __init__(self, at: WormBucket, ask: Ask) -> None:
        self._at = at
        self._ask = ask

    @cached_property
    def _client(self) -> Any:
        client = _client(self._at)
        client.meta.events.register_first("before-send.s3", self._sent)
        return client

    def put(self, key: str, data: bytes, *, until: datetime, unless_there: bool = True) -> str | None:
        """Write *data*, locked until then for everybody, and return its version; None where the key is taken."""
        sealed = {"ChecksumAlgorithm": "SHA256", "ChecksumSHA256": base64.b64encode(sha256(data).digest()).decode()}
        condition = {"IfNoneMatch": "*"} if unless_there else {}
        lock = {"ObjectLockMode": COMPLIANCE, "ObjectLockRetainUntilDate": until}
        try:
            answer = self._do("put_object", Key=key, Body=data, **sealed, **lock, **condition)
        except Refused as refused:
            if refused.code in _TAKEN:
                return None
            raise
        return str(answer.get("VersionId") or "")

    def head(self, key: str, version: str | None = None) -> Locked | None:
        """Return how a version of *key* (the newest where None) lies there; None where there is none."""
        try:
            found = self._do("head_object", Key=key, ChecksumMode="ENABLED", **_of(version))
        except Refused as refused:
            if refused.code in _ABSENT:
                return None
            raise
        checksum = found.get("ChecksumSHA256")
        until = found.get("ObjectLockRetainUntilDate")
        return Locked(
            version=str(found.get("VersionId") or ""),
            mode=found.get("ObjectLockMode"),
            until=until.astimezone(UTC) if until else None,
            sha256=base64.b64decode(checksum) if checksum else None,
        )

    def read(self, key: str, version: str) -> bytes:
        """Return the bytes of a version."""
        return bytes(self._do("get_object", Key=key, **_of(version))["Body"].read())

    def retain(self, key: str, version: str, *, mode: str, until: datetime) -> None:
        """Ask for another lock of a version, with every right that the credentials have."""
        lock = {"Mode": mode, "RetainUntilDate": until}
        self._do(
            "put_object_retention",
            Key=key,
            VersionId=version,
            Retention=lock,
            ChecksumAlgorithm="SHA256",
            BypassGovernanceRetention=True,
        )

    def delete(self, key: str, version: str | None = None) -> str:
        """Delete a version with every right there is or, without one, hide the key; return the version concerned."""
        if version is None:
            return str(self._do("delete_object", Key=key).get("VersionId") or "")
        self._do("delete_object", Key=key, VersionId=version, BypassGovernanceRetention=True)
        return version

    def versions(self, prefix: str) -> Iterator[Version]:
        """List every version and delete marker below *prefix*, page by page."""
        place: dict[str, Any] = {}
        while True:
            page = self._do("list_object_versions", Prefix=prefix, MaxKeys=PAGE, **place)
            for kind, is_marker in (("Versions", False), ("DeleteMarkers", True)):
                for each in page.get(kind, ()):
                    yield Version(each["Key"], str(each.get("VersionId") or ""), is_marker)
            if not page.get("IsTruncated"):
                return
            after = {"KeyMarker": page.get("NextKeyMarker"), "VersionIdMarker": page.get("NextVersionIdMarker")}
            after = {name: value for name, value in after.items() if value}
            if not after or after == place:
                raise OutpostFailed("the bucket does not go on with its list")
            place = after

    def _do(self, operation: str, **given: Any) -> dict[str, Any]:
        act = getattr(self._client, operation)
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = act(Bucket=self._at.name, **given)
        except ClientError as error:
            told = error.response.get("Error", {})
            code = str(told.get("Code") or "")
            words = f"the bucket refused {operation}: {code} {told.get('Message') or ''}".strip()
            raise Refused(code, words) from error
        except (BotoCoreError, ValueError) as error:
            raise OutpostFailed(f"the bucket gave no answer that can be read: {error}") from error
        return answer

    def _sent(self, request: Any, **_: Any) -> Any:
        """Send what boto3 prepared by the one way out, and give it the answer."""
        from botocore.awsrequest import AWSResponse

        bucket = f"{self._at.endpoint}/{self._at.name}"
        if request.url != bucket and not request.url.startswith((f"{bucket}/", f"{bucket}?")):
            raise OutpostFailed(f"a request for {request.url[:200]} is not of the bucket of APPROVAL_WORM_URL")
        body = request.body or b""
        headers = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
            if name.lower() not in _OURS
        }
        status, answered, data = self._ask(
            request.method, request.url, body if isinstance(body, bytes) else body.read(), headers
        )
        return AWSResponse(request.url, status, answered, _Raw(data))


class _Raw(io.BytesIO):
    """The bytes of an answer, as boto3 reads them."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _of(version: str | None) -> dict[str, str]:
    return {} if version is None else {"VersionId": version}


def _client(at: WormBucket) -> Any:
    try:
        from botocore.config import Config
    except ImportError as error:
        raise OutpostFailed("the extra `s3` is not installed: pip install 'approval[s3]'") from error
    # Since 1.36 boto3 adds a CRC to every request, which many servers of this protocol refuse (boto3 #4392, #4401).
    config = Config(
        signature_version="s3v4",
        s3={"addressing_style": "path"},
        retries={"total_max_attempts": 1},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    return _session(at).client("s3", endpoint_url=at.endpoint, config=config)


@lru_cache(maxsize=1)
def _session(at: WormBucket) -> Any:
    """Return a session with the credentials given, so that nothing is looked for in files or asked of the network."""
    from boto3.session import Session

    # It is kept, since it reads the whole description of the protocol.
    return Session(aws_access_key_id=at.key_id, aws_secret_access_key=at.secret, region_name=at.region)
