"""What another tool kept, read without trust: bytes in, records out. It knows no database."""

from approval.records.archives.claims import (
    MOST_RECORD as MOST_RECORD,
    Bad as Bad,
    Claims as Claims,
    Understood as Understood,
    claims_of as claims_of,
)
from approval.records.archives.looking import MOST_NAMED as MOST_NAMED, Look as Look, look_at as look_at
from approval.records.archives.reading import (
    KINDS as KINDS,
    kind_of as kind_of,
    letters_in as letters_in,
    read_archive as read_archive,
    read_folder as read_folder,
)
