"""The pages that touch several domains at once: tasks, posts, a post, the composer, the calendar."""

from approval.desk.views import (  # noqa: F401  each adds its routes to the blueprint
    calendar,
    composer,
    deciding,
    flagged,
    health,
    listing,
    post,
    publishing,
    talking,
    tasks,
    workshop,
)
from approval.desk.views.routes import blueprint as blueprint
from approval.desk.views.shell import shell as shell
