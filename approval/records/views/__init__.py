"""Records in the browser."""

from approval.records.views import due, exports, holds, retention
from approval.records.views.routes import blueprint as blueprint

__all__ = ["blueprint", "due", "exports", "holds", "retention"]
