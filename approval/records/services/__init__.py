"""The verbs of records: ask for an export, write it, hand it out; judge again; keep, hold and let go."""

from approval.records.services.answering import answers_to as answers_to, case_pdf as case_pdf
from approval.records.services.asking import (
    WORKER as WORKER,
    Job as Job,
    ask_export as ask_export,
    begin_next as begin_next,
    ensure_fetchable as ensure_fetchable,
    fail as fail,
    fetched as fetched,
    finish as finish,
)
from approval.records.services.bringing import (
    accept_archive as accept_archive,
    advance as advance,
    discard_archive as discard_archive,
    fail_archive as fail_archive,
    go_through as go_through,
    look_at_archive as look_at_archive,
    put_away as put_away,
    stage as stage,
)
from approval.records.services.choosing import person_named as person_named
from approval.records.services.complaining import (
    Told as Told,
    answer_complaint as answer_complaint,
    close_complaint as close_complaint,
    receive_complaint as receive_complaint,
    reopen_complaint as reopen_complaint,
)
from approval.records.services.dating import date_archived as date_archived
from approval.records.services.disposing import (
    dispose_some as dispose_some,
    end_disposition as end_disposition,
    propose_disposition as propose_disposition,
    second_disposition as second_disposition,
)
from approval.records.services.erasing import (
    ask_erasure as ask_erasure,
    carry_out as carry_out,
    second_erasure as second_erasure,
    traces_removed as traces_removed,
)
from approval.records.services.holding import (
    place_hold as place_hold,
    propose_lift as propose_lift,
    second_lift as second_lift,
)
from approval.records.services.lookback import (
    advance_lookback as advance_lookback,
    answer_hit as answer_hit,
    begin_lookback as begin_lookback,
)
from approval.records.services.parting import (
    ask_parts as ask_parts,
    note_gone as note_gone,
    resume_parts as resume_parts,
)
from approval.records.services.reckoning import follow as follow
from approval.records.services.rehearsing import note_access as note_access
from approval.records.services.requesting import (
    add_item as add_item,
    answer_item as answer_item,
    draft_request as draft_request,
    hand_over as hand_over,
    remove_item as remove_item,
    reopen_request as reopen_request,
    write_request as write_request,
)
from approval.records.services.retention import (
    ensure_retention as ensure_retention,
    has_retention as has_retention,
    propose_retention as propose_retention,
    second_retention as second_retention,
)
from approval.records.services.searching import (
    forget as forget,
    index as index,
    note_search as note_search,
    tidy as tidy,
)
from approval.records.services.series import parts_list as parts_list
from approval.records.services.taking_down import confirm_gone as confirm_gone, take_down as take_down
from approval.records.services.writing import (
    Draft as Draft,
    Written as Written,
    draft_export as draft_export,
    write_export as write_export,
)
