"""Every third labelled post walks the whole way; `benchmarks/walk.py` takes all of them and counts."""

from __future__ import annotations

from walking import labelled, walk


def test_labelled_posts_walk_the_whole_way(tmp_path):
    rows = labelled(every=3)
    walked = walk(tmp_path, rows)
    assert walked.posts == len(rows) and 0 < walked.labelled < walked.posts
    ends = walked.refused_labelled + walked.refused_clean + walked.returned + walked.published
    assert ends == walked.posts, "each post ended somewhere, once"
    assert walked.refused_labelled > 10 * walked.refused_clean, "rules refuse what an officer would flag"
    assert walked.published > walked.posts // 3
