"""What somebody wants to say: drafts, immutable revisions, comments, media, evidence."""
