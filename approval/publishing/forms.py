"""What people enter: stops, requests to resume, the link of a published post."""

from __future__ import annotations

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField, TextAreaField
from wtforms.validators import InputRequired, Length

from approval.publishing.services.resolving import LONGEST_URL
from approval.publishing.services.stopping import LONGEST_REASON


class StopForm(FlaskForm):  # type: ignore[misc]
    """Feeds `stop`: the choices of scope are those that the reader may stop."""

    scope = SelectField("What to stop", validators=[InputRequired()])
    reason = TextAreaField(
        "Reason",
        validators=[InputRequired("Say why: everybody reads it."), Length(max=LONGEST_REASON)],
        description="Shown on every page while the stop holds.",
    )


class AskResumeForm(FlaskForm):  # type: ignore[misc]
    """Feeds `ask_resume`."""

    reason = TextAreaField(
        "Why it may go on", validators=[InputRequired("Say why it may go on."), Length(max=LONGEST_REASON)]
    )


class ConfirmForm(FlaskForm):  # type: ignore[misc]
    """Feeds `confirm`."""

    url = StringField(
        "Link to the published post",
        validators=[InputRequired("Give the link of the published post."), Length(max=LONGEST_URL)],
    )
