"""Questions about records; the answers are frozen facts."""

from approval.records.queries.cases import (
    CaseFile as CaseFile,
    case_file as case_file,
    case_files as case_files,
    workspace_of as workspace_of,
)
from approval.records.queries.due import Ending as Ending, Month as Month, endings as endings, months as months
from approval.records.queries.exports import (
    ExportFacts as ExportFacts,
    archive_of as archive_of,
    export as export,
    exports as exports,
    is_due as is_due,
)
from approval.records.queries.holds import (
    HoldFacts as HoldFacts,
    active_holds as active_holds,
    counts as counts,
    covered_posts as covered_posts,
    hold as hold,
    is_counting as is_counting,
    lifted_holds as lifted_holds,
)
from approval.records.queries.keeping import (
    PostKeeping as PostKeeping,
    keeping_of as keeping_of,
    keeping_of_posts as keeping_of_posts,
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
from approval.records.queries.reckoning import Step as Step, next_step as next_step
from approval.records.queries.retention import (
    RulesVersion as RulesVersion,
    WaitingRules as WaitingRules,
    retention_in_force as retention_in_force,
    retention_version as retention_version,
    retention_versions as retention_versions,
    waiting_retention as waiting_retention,
)
from approval.records.queries.roll import people as people, roles_in as roles_in
from approval.records.queries.selection import Filters as Filters, Period as Period
from approval.records.queries.story import Moment as Moment
