"""Questions about posts; the answers are frozen facts."""

from approval.posts.queries.readiness import draft_problems as draft_problems, problems as problems
from approval.posts.queries.reading import (
    AUTHOR as AUTHOR,
    Line as Line,
    Lines as Lines,
    PostFacts as PostFacts,
    acts_next as acts_next,
    lines as lines,
    post_facts as post_facts,
    post_for_change as post_for_change,
)
from approval.posts.queries.revisions import (
    EditFacts as EditFacts,
    PartChange as PartChange,
    RevisionFacts as RevisionFacts,
    changes as changes,
    editors as editors,
    edits as edits,
    parts as parts,
    payload_of as payload_of,
    payload_text as payload_text,
    revisions as revisions,
)
from approval.posts.queries.talk import (
    CommentFacts as CommentFacts,
    EvidenceFacts as EvidenceFacts,
    MediaFacts as MediaFacts,
    Thread as Thread,
    Version as Version,
    comment_for_change as comment_for_change,
    comments as comments,
    evidence as evidence,
    evidence_data as evidence_data,
    media_data as media_data,
    media_facts as media_facts,
    media_words as media_words,
)
