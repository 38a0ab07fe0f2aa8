"""What people may send through the pages of people, parsed at the door."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from zoneinfo import available_timezones

from flask_wtf import FlaskForm
from wtforms import (
    Field,
    HiddenField,
    IntegerField,
    PasswordField,
    SelectField,
    SelectMultipleField,
    StringField,
    ValidationError,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, EqualTo, InputRequired, Length, NumberRange, Optional
from wtforms.widgets import CheckboxInput, ListWidget, PasswordInput

from approval.capabilities import Role
from approval.errors import Refusal
from approval.networks import NETWORKS
from approval.people.models import Scope, Via
from approval.people.services.accounts import ENTITY_TYPES, REGIMES, normal_email
from approval.people.services.passwords import MAX_LENGTH, MIN_LENGTH
from approval.people.services.tokens import DEFAULT_DAYS, MAX_DAYS

REGIME_NAMES = {
    "us-bd": "US broker-dealer (FINRA)",
    "us-ria": "US investment adviser (SEC)",
    "us-bank": "US bank or credit union",
    "uk": "United Kingdom (FCA)",
    "eu": "European Union (MiFID II, IDD)",
    "au": "Australia (ASIC)",
}
VIA_NAMES = {
    Via.FEED: "Feed: a page and an Atom feed here, for your site to show",
    Via.WEBHOOK: "Webhook: sent, signed, to an address of yours",
    Via.MANUAL: "By hand: a person publishes it and confirms with the link",
}
_CHOOSE = SelectChoice("", "Choose …")
_PASSWORD_HELP = f"At least {MIN_LENGTH} characters. A few words in a row are easy to keep; nothing else is asked."
_SLUG_HELP = "Lower-case letters, digits and hyphens. It never changes."


def _choices(values: Iterable[str], names: Mapping[str, str] | None = None) -> list[SelectChoice]:
    known = names or {}
    return [SelectChoice(str(value), known.get(value, value.replace("-", " ").capitalize())) for value in values]


def _server_zone() -> str:
    """Return the time zone this server is set to; nothing where it cannot be known."""
    name = os.environ.get("TZ", "").removeprefix(":") or str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    # A server on UTC says nothing about where the firm is.
    return name if name in available_timezones() and "/" in name and not name.startswith("Etc/") else ""


class _Typed(PasswordInput):  # type: ignore[misc]
    def __init__(self, complete: str) -> None:
        super().__init__()
        self.complete = complete

    def __call__(self, field: Field, **kwargs: object) -> str:
        return super().__call__(field, autocomplete=self.complete, **kwargs)  # type: ignore[no-any-return]


def _ensure_address(field: Field) -> None:
    try:
        normal_email(field.data)
    except Refusal as refusal:
        raise ValidationError(refusal.detail) from refusal


def _email(label: str = "E-mail address", **options: object) -> StringField:
    return StringField(
        label,
        [DataRequired("Give an e-mail address."), Length(max=254)],
        render_kw={"type": "email", "inputmode": "email", "spellcheck": "false", **options},
    )


def _new_password(label: str = "New password") -> PasswordField:
    return PasswordField(
        label,
        [InputRequired("Choose a password."), Length(max=MAX_LENGTH)],
        widget=_Typed("new-password"),
        description=_PASSWORD_HELP,
    )


def _again(other: str = "password") -> PasswordField:
    return PasswordField(
        "The same again",
        [InputRequired("Repeat the password."), EqualTo(other, "The two passwords differ.")],
        widget=_Typed("new-password"),
    )


def _roles(label: str = "Roles") -> SelectMultipleField:
    return SelectMultipleField(
        label,
        [DataRequired("Choose at least one role.")],
        choices=_choices(Role),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


class Form(FlaskForm):  # type: ignore[misc]
    """A form whose fields can carry what a service refused."""

    form_errors: list[str]

    def refused(self, refusal: Refusal) -> None:
        """Show a refusal beside the fields that it names, or above the form."""
        beside = [(self._fields.get(problem.where), problem.what) for problem in refusal.problems]
        if not beside or any(field is None for field, _ in beside):
            self.form_errors = [*self.form_errors, refusal.detail]
        for field, what in beside:
            if field is not None:
                field.errors = [*field.errors, what]


class SignInForm(Form):
    """Signing in."""

    email = _email(autocomplete="username", autofocus=True)
    password = PasswordField("Password", [InputRequired("Give your password.")], widget=_Typed("current-password"))
    next = HiddenField()


class CodeForm(Form):
    """The code of a second factor."""

    code = StringField(
        "Code",
        [DataRequired("Give the code."), Length(max=60)],
        description="The six digits that your app shows, or one of your recovery codes.",
        render_kw={"autocomplete": "one-time-code", "spellcheck": "false", "autofocus": True},
    )


class EnrolForm(Form):
    """Setting up a second factor: the first code, and one of the factor that it replaces, if any."""

    code = StringField(
        "Code",
        [DataRequired("Give the code that your app shows."), Length(max=60)],
        description="The six digits that your app shows for this account now.",
        render_kw={"autocomplete": "one-time-code", "inputmode": "numeric", "spellcheck": "false"},
    )
    current = StringField(
        "A code of the factor that you have",
        [Length(max=60)],
        description="The six digits of the app that you used so far, or a recovery code.",
        render_kw={"autocomplete": "off", "spellcheck": "false"},
    )


class FactorRolesForm(Form):
    """Of which roles a workspace asks a second factor."""

    roles = SelectMultipleField(
        "Roles",
        choices=_choices(Role),
        widget=ListWidget(prefix_label=False),
        option_widget=CheckboxInput(),
    )


class ForgotForm(Form):
    """Asking for a password reset."""

    email = _email(autocomplete="username", autofocus=True)


class ChoosePasswordForm(Form):
    """Choosing a password by an invitation or a reset."""

    password = _new_password("Password")
    again = _again()


class ExaminerForm(ChoosePasswordForm):
    """Accepting a room: one's name, as the records will state it, and a password."""

    name = StringField(
        "Your name", [DataRequired("Give your name."), Length(max=120)], render_kw={"autocomplete": "name"}
    )


class ChangePasswordForm(Form):
    """Changing one's own password."""

    current = PasswordField(
        "Current password", [InputRequired("Give your current password.")], widget=_Typed("current-password")
    )
    password = _new_password()
    again = _again()


def scopes(usable: Iterable[Scope]) -> list[SelectChoice]:
    """Return these scopes as the choices of a form."""
    return _choices(usable)


class TokenForm(Form):
    """Making an API token; its scopes are those that its person can use."""

    name = StringField("Name", [DataRequired("Name it."), Length(max=80)], description="Where it is used.")
    scope = SelectField("Scope", [InputRequired()], description="No token decides, schedules or publishes.")
    days = IntegerField(
        "Days it lasts", [InputRequired("Give a number of days."), NumberRange(1, MAX_DAYS)], default=DEFAULT_DAYS
    )


class _WorkspaceFields(Form):
    title = StringField("Name of the firm or brand", [DataRequired("Name it."), Length(max=120)])
    regime = SelectField(
        "Regime",
        [InputRequired("Choose the regime.")],
        choices=[_CHOOSE, *_choices(REGIMES, REGIME_NAMES)],
        description="Which rules are read.",
    )
    entity_type = SelectField(
        "Entity type", [InputRequired("Choose the entity type.")], choices=[_CHOOSE, *_choices(ENTITY_TYPES)]
    )
    zone = StringField(
        "Time zone",
        [DataRequired("Give a time zone.")],
        default=_server_zone,
        description="Days of exports and times in pages.",
        render_kw={"list": "zones", "placeholder": "Choose …"},
    )

    def validate_zone(self, field: Field) -> None:
        """Refuse a zone that does not exist."""
        if field.data not in available_timezones():
            raise ValidationError(f"“{field.data[:60]}” is not an IANA time zone such as Europe/Zurich.")


class WorkspaceForm(_WorkspaceFields):
    """Changing a workspace."""


class SetupForm(_WorkspaceFields):
    """The first workspace, its administrator, and whoever comes second."""

    slug = StringField(
        "Short name",
        [DataRequired("Give a short name."), Length(max=63)],
        description=_SLUG_HELP + " It names the workspace's log, feeds and exports.",
    )
    name = StringField(
        "Your name", [DataRequired("Give your name."), Length(max=120)], render_kw={"autocomplete": "name"}
    )
    email = _email("Your e-mail address", autocomplete="username")
    password = _new_password("Password")
    again = _again()
    second_name = StringField("Their name", [Optional(), Length(max=120)])
    second_email = StringField("Their e-mail address", [Optional(), Length(max=254)], render_kw={"type": "email"})
    second_role = SelectField("Their role", choices=_choices(Role), default=Role.COMPLIANCE)

    def validate_email(self, field: Field) -> None:
        """Refuse what is no address before anything is made."""
        _ensure_address(field)

    def validate_second_email(self, field: Field) -> None:
        """Refuse what is no address, and one's own."""
        if field.data:
            _ensure_address(field)
            if field.data.strip().lower() == (self.email.data or "").strip().lower():
                raise ValidationError("The second person must be another person.")

    def validate_second_name(self, field: Field) -> None:
        """Refuse half a second person."""
        if bool(field.data) != bool(self.second_email.data):
            raise ValidationError("Give both name and address of the second person, or neither.")


class InviteForm(Form):
    """Inviting a person into a workspace."""

    name = StringField("Name", [DataRequired("Give a name."), Length(max=120)])
    email = _email()
    roles = _roles()


class RolesForm(Form):
    """The roles of one person."""

    roles = _roles()


class TeamForm(Form):
    """Making a team."""

    name = StringField("Name", [DataRequired("Name it."), Length(max=63)], description=_SLUG_HELP)


class ChannelForm(Form):
    """Opening a channel."""

    title = StringField("Title", [DataRequired("Give a title."), Length(max=120)])
    name = StringField("Short name", [DataRequired("Give a short name."), Length(max=63)], description=_SLUG_HELP)
    network = SelectField(
        "Network", [InputRequired()], choices=[SelectChoice(slug, known.title) for slug, known in NETWORKS.items()]
    )
    via = SelectField(
        "How it is reached",
        [InputRequired()],
        choices=[SelectChoice(str(via), name) for via, name in VIA_NAMES.items()],
    )
    url = StringField(
        "Address", [Optional(), Length(max=500)], description="For a webhook only.", render_kw={"type": "url"}
    )

    def validate_url(self, field: Field) -> None:
        """Ask for an address exactly where there is one."""
        if (self.via.data == Via.WEBHOOK) != bool(field.data):
            raise ValidationError("A webhook has an address; a feed and a channel by hand have none.")
