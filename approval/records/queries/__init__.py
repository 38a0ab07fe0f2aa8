"""Questions about records; the answers are frozen facts."""

from approval.records.queries.cases import (
    CaseFile as CaseFile,
    case_file as case_file,
    case_files as case_files,
    workspace_of as workspace_of,
)
from approval.records.queries.exports import (
    ExportFacts as ExportFacts,
    archive_of as archive_of,
    export as export,
    exports as exports,
    is_due as is_due,
)
from approval.records.queries.lookbacks import (
    HitFacts as HitFacts,
    LookbackFacts as LookbackFacts,
    Published as Published,
    hits as hits,
    hits_waiting as hits_waiting,
    lookback as lookback,
    lookbacks as lookbacks,
    published_after as published_after,
)
from approval.records.queries.roll import people as people, roles_in as roles_in
from approval.records.queries.selection import Filters as Filters, Period as Period
from approval.records.queries.story import Moment as Moment
