"""Questions about records; the answers are frozen facts."""

from approval.records.queries.archives import (
    ArchivedFacts as ArchivedFacts,
    ArchivedKeeping as ArchivedKeeping,
    ArchiveFacts as ArchiveFacts,
    archive as archive,
    archive_due as archive_due,
    archived as archived,
    archived_after as archived_after,
    archived_holds as archived_holds,
    archived_in as archived_in,
    archived_words as archived_words,
    archives as archives,
    archives_left as archives_left,
    file_of as file_of,
    files_of as files_of,
    is_dated as is_dated,
    keeping_of_archived as keeping_of_archived,
    original as original,
    same_archive as same_archive,
)
from approval.records.queries.cases import (
    CaseFile as CaseFile,
    case_file as case_file,
    case_files as case_files,
    case_image as case_image,
    kept_images as kept_images,
    workspace_of as workspace_of,
)
from approval.records.queries.complaints import (
    AccessFacts as AccessFacts,
    AccessStanding as AccessStanding,
    ComplaintFacts as ComplaintFacts,
    ComplaintKeeping as ComplaintKeeping,
    access_standing as access_standing,
    access_tests as access_tests,
    complaint as complaint,
    complaint_holds as complaint_holds,
    complaints as complaints,
    complaints_between as complaints_between,
    complaints_of as complaints_of,
    count_open as count_open,
    keeping_of_complaint as keeping_of_complaint,
)
from approval.records.queries.disposing import (
    DispositionFacts as DispositionFacts,
    Gone as Gone,
    Listed as Listed,
    certificate as certificate,
    count_through as count_through,
    disposition as disposition,
    dispositions as dispositions,
    due_through as due_through,
    exports_disposed as exports_disposed,
    items as items,
    media_of as media_of,
    unnamed_media as unnamed_media,
)
from approval.records.queries.due import Ending as Ending, Month as Month, endings as endings, months as months
from approval.records.queries.erasing import (
    Answer as Answer,
    ErasureFacts as ErasureFacts,
    OldExport as OldExport,
    agreed_dispositions as agreed_dispositions,
    agreed_erasures as agreed_erasures,
    answer_for_person as answer_for_person,
    answer_for_posts as answer_for_posts,
    erasure as erasure,
    erasure_of as erasure_of,
    erasures as erasures,
    exports_before as exports_before,
    uncleaned as uncleaned,
)
from approval.records.queries.exports import (
    ExportFacts as ExportFacts,
    SeriesFacts as SeriesFacts,
    archive_of as archive_of,
    bytes_kept as bytes_kept,
    export as export,
    exports as exports,
    is_due as is_due,
    missing as missing,
    parts_of as parts_of,
    series as series,
    written_so_far as written_so_far,
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
from approval.records.queries.indexing import Stretch as Stretch, is_tidy as is_tidy, next_stretch as next_stretch
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
from approval.records.queries.recreating import Recreated as Recreated, as_json as as_json, recreate as recreate
from approval.records.queries.requests import (
    Asks as Asks,
    ItemFacts as ItemFacts,
    RequestFacts as RequestFacts,
    RequestStanding as RequestStanding,
    answered_by as answered_by,
    bundle_of as bundle_of,
    items_of as items_of,
    request_list as request_list,
    request_lists as request_lists,
)
from approval.records.queries.requests_answers import LABELS as LABELS, Preview as Preview, preview as preview
from approval.records.queries.retention import (
    RulesVersion as RulesVersion,
    WaitingRules as WaitingRules,
    retention_in_force as retention_in_force,
    retention_version as retention_version,
    retention_versions as retention_versions,
    waiting_retention as waiting_retention,
)
from approval.records.queries.roll import people as people, roles_in as roles_in
from approval.records.queries.searching import (
    Found as Found,
    Hit as Hit,
    SearchFacts as SearchFacts,
    Wanted as Wanted,
    found_as_json as found_as_json,
    search as search,
    searches as searches,
)
from approval.records.queries.selection import Filters as Filters, Period as Period, next_span as next_span
from approval.records.queries.story import Moment as Moment
from approval.records.queries.uses import (
    Use as Use,
    post_of_publication as post_of_publication,
    post_of_take_down as post_of_take_down,
    uses_of as uses_of,
)
