"""The verbs of screening: judge texts, answer for findings, change the rules."""

from approval.screening.services.changing import (
    carried_over as carried_over,
    ensure_readable as ensure_readable,
    ensure_rule_set as ensure_rule_set,
    propose_anew as propose_anew,
    propose_rules as propose_rules,
    second_rules as second_rules,
    withdraw_rules as withdraw_rules,
)
from approval.screening.services.exceptions import (
    accept as accept,
    ask_exception as ask_exception,
    dismiss as dismiss,
    take_back_dismissal as take_back_dismissal,
)
from approval.screening.services.judging import Part as Part, check as check, screen as screen, worst as worst
from approval.screening.services.lookback import Text as Text, Verdict as Verdict, rescreen as rescreen
from approval.screening.services.rules import (
    RulesInForce as RulesInForce,
    digest_in_force as digest_in_force,
    in_force as in_force,
    rule_names as rule_names,
)
