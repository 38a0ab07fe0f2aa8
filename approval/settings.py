"""Everything an operator may set, read once from the environment."""

from __future__ import annotations

import ipaddress
import os
import re
import secrets
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from approval.errors import BadSetting

MIN_SECRET_LENGTH = 32
_PACKAGE = Path(__file__).parent
_WITNESS = re.compile(r"(?P<url>https?://[^\s@]+) +(?P<vkey>[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2})")
_BUCKET = re.compile(r"(?P<endpoint>https?://[^\s/?#@]+)/(?P<name>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/?")
_MOST_DAYS = 36525
_SLUG = re.compile(r"[a-z0-9-]+")


@dataclass(frozen=True)
class Setting:
    """One variable of the environment: its name, its meaning, and what holds without it."""

    name: str
    help: str
    default: str


SETTINGS = (
    Setting("APPROVAL_DATA", "Folder of the embedded database, exports and generated secrets.", "./data"),
    Setting("APPROVAL_KEYS", "Folder of the signing keys and the last-signed heads.", "keys in APPROVAL_DATA"),
    Setting(
        "APPROVAL_SEALER",
        "Who holds the signing keys: `worker`, or `separate` where `approval sealer` runs as a user of its own.",
        "worker",
    ),
    Setting(
        "APPROVAL_SIGNER",
        "Command that signs with keys held in a device: the bytes come on standard input, 64 bytes of Ed25519 go out; "
        "{log} and {key} stand for the log's name and the key id.",
        "none: keys are files in APPROVAL_KEYS",
    ),
    Setting("APPROVAL_DATABASE_URL", "SQLAlchemy URL of the database.", "SQLite in APPROVAL_DATA"),
    Setting("APPROVAL_OWNER_URL", "URL of the owner role, used by `approval upgrade` alone.", "none"),
    Setting(
        "APPROVAL_SECRET_KEY",
        f"Key of sessions and stored secrets, {MIN_SECRET_LENGTH} characters or more; required behind https.",
        "generated into APPROVAL_DATA",
    ),
    Setting(
        "APPROVAL_BASE_URL",
        "Address people use. https: secure cookies; plain http: loopback only.",
        "the served address",
    ),
    Setting(
        "APPROVAL_OUTBOUND_ALLOW",
        "Networks and ports that outgoing requests may reach beside global https, "
        "as `network:port`, separated by commas, such as 127.0.0.0/8:8443.",
        "none",
    ),
    Setting(
        "APPROVAL_TIMESTAMP_URL",
        "RFC 3161 authority that dates checkpoints, such as https://time.example/tsr; needs the extra `timestamp`.",
        "none: no checkpoint carries a time from outside",
    ),
    Setting(
        "APPROVAL_TIMESTAMP_CA",
        "PEM file of the authority's root certificates; a token that they do not vouch for is not kept.",
        "none: tokens are kept without looking at who signed them",
    ),
    Setting(
        "APPROVAL_WITNESSES",
        "Witnesses that cosign checkpoints, as `address vkey`, separated by commas, such as "
        "https://audit.example audit.example+3fb148ef+BAAjjch9….",
        "none: nobody outside remembers how long the logs were",
    ),
    Setting(
        "APPROVAL_WORM_URL",
        "Bucket with S3 Object Lock that the logs are copied to, as endpoint/bucket, such as "
        "https://s3.eu-central-1.amazonaws.com/bank-log; needs the extra `s3`.",
        "none: there is no write-once copy",
    ),
    Setting("APPROVAL_WORM_CREDENTIALS", "Access key id and secret access key of the bucket, as `id:secret`.", "none"),
    Setting("APPROVAL_WORM_REGION", "Region that requests to the bucket are signed for.", "us-east-1"),
    Setting("APPROVAL_WORM_DAYS", "For how many days each copy is locked. Nobody can shorten it.", "2557: seven years"),
    Setting(
        "APPROVAL_SMTP_URL",
        "Mail server, such as smtp://user:password@mail.example:587 (smtps:// for TLS from the start).",
        "none: messages wait in the outbox",
    ),
    Setting("APPROVAL_MAIL_FROM", "Sender of e-mail.", "approval@localhost"),
    Setting(
        "APPROVAL_SECOND_OPINION",
        "Workspaces whose posts in review get a second opinion, by name, separated by commas; "
        "needs the extra `second-opinion`.",
        "none",
    ),
    Setting("APPROVAL_PROXIES", "Number of reverse proxies whose X-Forwarded headers are trusted.", "0"),
    Setting("APPROVAL_LEASE_SECONDS", "How long one attempt to publish may take before it counts as unknown.", "90"),
    Setting("APPROVAL_SETTLE_SECONDS", "How long an unknown attempt rests before it is reconciled.", "120"),
    Setting("APPROVAL_GRACE_SECONDS", "How late a due post may still go out by itself.", "900"),
)


@dataclass(frozen=True)
class Outbound:
    """A network and a port that outgoing requests may reach although it is not global https."""

    network: ipaddress.IPv4Network | ipaddress.IPv6Network
    port: int


@dataclass(frozen=True)
class WitnessAt:
    """A witness: where it is asked, and its verifier key in text (parsed where it is used)."""

    url: str
    vkey: str


@dataclass(frozen=True)
class WormBucket:
    """A bucket with Object Lock: its endpoint without a path, its name, and how requests to it are signed."""

    endpoint: str
    name: str
    region: str
    key_id: str
    secret: str = field(repr=False)
    days: int


@dataclass(frozen=True)
class Settings:
    """The settings of one process. Paths are absolute; durations are in seconds."""

    data: Path
    keys: Path
    separate_sealer: bool
    signer: tuple[str, ...]
    database_url: str
    owner_url: str | None
    secret_key: str
    base_url: str | None
    outbound_allow: tuple[Outbound, ...]
    timestamp_url: str | None
    timestamp_ca: Path | None
    witnesses: tuple[WitnessAt, ...]
    worm: WormBucket | None
    smtp_url: str | None
    mail_from: str
    second_opinion: frozenset[str]
    proxies: int
    lease: float
    settle: float
    grace: float
    sources: Mapping[str, str]

    @property
    def embedded(self) -> bool:
        """True where the database is the SQLite file that this program keeps itself."""
        return self.database_url.startswith("sqlite")

    @property
    def secure(self) -> bool:
        """True where people reach the program by https, so that cookies must be secure."""
        return (self.base_url or "").startswith("https://")

    @property
    def loopback(self) -> bool:
        """True where the base URL names this machine."""
        return self.base_url is None or is_loopback(urlsplit(self.base_url).hostname or "")


def shipped(name: str) -> Path:
    """Find a folder that ships with the program: beside the package in a checkout, inside it in a wheel."""
    inside = _PACKAGE / name
    return inside if inside.is_dir() else _PACKAGE.parent / name


def is_loopback(host: str) -> bool:
    """Say whether *host* is a name or an address of this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings, or raise BadSetting naming the variable and the remedy."""
    environ = os.environ if environ is None else environ
    data = Path(environ.get("APPROVAL_DATA") or "data").resolve()
    keys = Path(environ.get("APPROVAL_KEYS") or data / "keys").resolve()
    base_url = _base_url(environ.get("APPROVAL_BASE_URL"))
    return Settings(
        data=data,
        keys=keys,
        separate_sealer=_sealer(environ.get("APPROVAL_SEALER")),
        signer=_signer(environ.get("APPROVAL_SIGNER", "")),
        database_url=_database_url(environ, "APPROVAL_DATABASE_URL") or f"sqlite:///{data / 'approval.db'}",
        owner_url=_database_url(environ, "APPROVAL_OWNER_URL"),
        secret_key=_secret_key(environ.get("APPROVAL_SECRET_KEY"), data, base_url),
        base_url=base_url,
        outbound_allow=_outbound(environ.get("APPROVAL_OUTBOUND_ALLOW", "")),
        timestamp_url=_timestamp_url(environ.get("APPROVAL_TIMESTAMP_URL")),
        timestamp_ca=_timestamp_ca(environ.get("APPROVAL_TIMESTAMP_CA")),
        witnesses=_witnesses(environ.get("APPROVAL_WITNESSES", "")),
        worm=_worm(environ),
        smtp_url=_smtp_url(environ.get("APPROVAL_SMTP_URL")),
        mail_from=environ.get("APPROVAL_MAIL_FROM") or "approval@localhost",
        second_opinion=_names(environ, "APPROVAL_SECOND_OPINION"),
        proxies=int(_number(environ, "APPROVAL_PROXIES", 0)),
        lease=_number(environ, "APPROVAL_LEASE_SECONDS", 90),
        settle=_number(environ, "APPROVAL_SETTLE_SECONDS", 120),
        grace=_number(environ, "APPROVAL_GRACE_SECONDS", 900),
        sources={s.name: "environment" if environ.get(s.name) else "default" for s in SETTINGS},
    )


def _base_url(value: str | None) -> str | None:
    if not value:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/"):
        raise BadSetting("APPROVAL_BASE_URL", value, "give scheme and host only, such as https://approval.example")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise BadSetting("APPROVAL_BASE_URL", value, "use https, or a loopback address for plain http")
    return value.rstrip("/")


def _sealer(value: str | None) -> bool:
    if value not in (None, "", "worker", "separate"):
        raise BadSetting("APPROVAL_SEALER", value, "write worker or separate")
    return value == "separate"


def _signer(value: str) -> tuple[str, ...]:
    try:
        words = tuple(shlex.split(value))
    except ValueError as error:
        raise BadSetting("APPROVAL_SIGNER", value, f"write a command as in a shell ({error})") from error
    if words and shutil.which(words[0]) is None:
        raise BadSetting("APPROVAL_SIGNER", value, f"{words[0]} is no program that this user may run")
    return words


def _timestamp_url(value: str | None) -> str | None:
    try:
        parts = urlsplit(value or "")
    except ValueError:
        parts = urlsplit("")
    if value and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise BadSetting("APPROVAL_TIMESTAMP_URL", value, "give an address such as https://time.example/tsr")
    return value or None


def _timestamp_ca(value: str | None) -> Path | None:
    if not value:
        return None
    if not os.access(value, os.R_OK):
        raise BadSetting("APPROVAL_TIMESTAMP_CA", value, "name a PEM file that this user may read")
    return Path(value).resolve()


def _witnesses(value: str) -> tuple[WitnessAt, ...]:
    found: list[WitnessAt] = []
    for each in filter(None, (part.strip() for part in value.split(","))):
        match = _WITNESS.fullmatch(each)
        name = match["vkey"].partition("+")[0] if match else ""
        if not match or any(one.vkey.startswith(f"{name}+") for one in found):
            raise BadSetting(
                "APPROVAL_WITNESSES", each, "write address and verifier key with a space between, each name once"
            )
        found.append(WitnessAt(match["url"].rstrip("/"), match["vkey"]))
    return tuple(found)


def _worm(environ: Mapping[str, str]) -> WormBucket | None:
    value = environ.get("APPROVAL_WORM_URL")
    if not value:
        return None
    match = _BUCKET.fullmatch(value)
    if not match:
        raise BadSetting("APPROVAL_WORM_URL", value, "give endpoint and bucket, such as https://s3.example/bank-log")
    key_id, _, secret = environ.get("APPROVAL_WORM_CREDENTIALS", "").partition(":")
    if not key_id or not secret:
        raise BadSetting("APPROVAL_WORM_CREDENTIALS", "…", "write the access key id, a colon and the secret access key")
    days = _number(environ, "APPROVAL_WORM_DAYS", 2557)
    if not 1 <= days <= _MOST_DAYS or days != int(days):
        raise BadSetting("APPROVAL_WORM_DAYS", f"{days:g}", f"give a whole number of days, 1 to {_MOST_DAYS}")
    region = environ.get("APPROVAL_WORM_REGION") or "us-east-1"
    return WormBucket(match["endpoint"], match["name"], region, key_id, secret, int(days))


def _database_url(environ: Mapping[str, str], name: str) -> str | None:
    value = environ.get(name)
    if value:
        try:
            make_url(value)
        except (ArgumentError, ValueError) as error:
            # The address may hold a password, so it is not repeated.
            raise BadSetting(
                name, "…", "write postgresql://user:password@host/name, or sqlite:////a/file.db"
            ) from error
    return value or None


def mail_server(url: str) -> SplitResult:
    """Return the parts of a mail server's address, or refuse it without repeating it: it may hold a password."""
    try:
        parts = urlsplit(url)
        if parts.scheme in ("smtp", "smtps") and parts.hostname and parts.port != 0:
            return parts
    except ValueError:
        pass
    raise BadSetting("APPROVAL_SMTP_URL", "…", "write smtp://user:password@host:port, or smtps:// for TLS")


def _smtp_url(value: str | None) -> str | None:
    if value:
        mail_server(value)
    return value or None


def _secret_key(value: str | None, data: Path, base_url: str | None) -> str:
    if value:
        if len(value) < MIN_SECRET_LENGTH:
            raise BadSetting("APPROVAL_SECRET_KEY", "…", f"give at least {MIN_SECRET_LENGTH} random characters")
        return value
    if (base_url or "").startswith("https://"):
        raise BadSetting("APPROVAL_SECRET_KEY", "", "set it before serving over https, the same for every process")
    return _generated_secret(data / "secret_key")


def _generated_secret(path: Path) -> str:
    """Read the secret of a laptop installation, making it at the first start."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            place_secret(path, secrets.token_urlsafe(48).encode())
        found = path.read_text()
    except OSError as error:
        raise BadSetting(
            "APPROVAL_DATA", str(path.parent), f"name a folder that this user may write ({error.strerror})"
        ) from error
    if len(found) < MIN_SECRET_LENGTH:
        raise BadSetting("APPROVAL_SECRET_KEY", "…", f"{path} holds no whole secret: restore it from its backup")
    return found


def place_secret(path: Path, secret: bytes) -> bool:
    """Give *secret* the name *path*, for its owner alone, whole and durably; False where the name is taken."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(secret)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    sync_names(path.parent)
    return True


def sync_names(folder: Path) -> None:
    """Make the names in *folder* durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _outbound(value: str) -> tuple[Outbound, ...]:
    allowed = []
    for item in filter(None, (part.strip() for part in value.split(","))):
        network, _, port = item.rpartition(":")
        try:
            allowed.append(Outbound(ipaddress.ip_network(network.strip("[]")), int(port)))
        except ValueError as error:
            raise BadSetting("APPROVAL_OUTBOUND_ALLOW", item, "write network:port, such as 127.0.0.0/8:8443") from error
    return tuple(allowed)


def _names(environ: Mapping[str, str], name: str) -> frozenset[str]:
    found = frozenset(filter(None, (part.strip() for part in environ.get(name, "").split(","))))
    for one in sorted(found):
        if not _SLUG.fullmatch(one):
            raise BadSetting(name, one, "give names of workspaces, such as northwind, separated by commas")
    return found


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    value = environ.get(name)
    if not value:
        return default
    try:
        number = float(value)
    except ValueError as error:
        raise BadSetting(name, value, "give a number") from error
    if not 0 <= number < 1e6:
        raise BadSetting(name, value, "give a number from 0 to 999999")
    return number
