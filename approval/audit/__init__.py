"""What happened, provably. Importing any witnessed table puts the guards of the log in place."""

from approval.audit import services as services
