"""The pages of people: signing in, one's own account, and the administration of a workspace."""

from __future__ import annotations

from flask import Blueprint

from approval.people.views import account, administration, channels, entrance, factors, setting_up
from approval.people.views.knowing import SessionPerson as SessionPerson, identify as identify

blueprint = Blueprint("people", __name__)

for _module in (entrance, setting_up, account, factors, administration, channels):
    _module.add_to(blueprint)
