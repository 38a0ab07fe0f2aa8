"""The firm's rules in the browser: what is in force, one rule, the workshop, versions and who seconds them."""

from approval.screening.views import amending, editing, listing, proposing, versions  # noqa: F401  each adds its routes
from approval.screening.views.routes import blueprint as blueprint
