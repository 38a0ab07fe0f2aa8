"""The verbs of posts: draft, revise, copy; comment; add images and evidence; answer for findings."""

from approval.posts.draft import Draft as Draft
from approval.posts.reading import read_words as read_words
from approval.posts.services.commenting import (
    comment as comment,
    delete_comment as delete_comment,
    edit_comment as edit_comment,
)
from approval.posts.services.drafting import copy as copy, create as create, revise as revise
from approval.posts.services.files import (
    add_evidence as add_evidence,
    add_media as add_media,
    remove_evidence as remove_evidence,
)
from approval.posts.services.guards import ensure_may_draft as ensure_may_draft
from approval.posts.services.screening import (
    accept_finding as accept_finding,
    ask_exception as ask_exception,
    dismiss_finding as dismiss_finding,
    screen_again as screen_again,
    take_back_dismissal as take_back_dismissal,
)
