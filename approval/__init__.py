"""Approval: a firm's posts, drafted, reviewed, published exactly as approved, and provable years later."""

__version__ = "0.1.0"
