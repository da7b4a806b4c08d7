"""What each transformation does to the meaning of each class, and what to look at in the data.

Like the rest of the room it never trains: it takes predictions, names and counts as data.
"""

from variegate.evaluate.audit.affinity import Probed, Seen, table, wilson
from variegate.evaluate.audit.findings import find, sentence
from variegate.evaluate.audit.hints import Hint, confirmed, hints
from variegate.evaluate.audit.page import audit_page
from variegate.evaluate.audit.safe import safe_ranges, scores
from variegate.evaluate.audit.schema import AuditDocument, check_audit

__all__ = [
    "AuditDocument",
    "Hint",
    "Probed",
    "Seen",
    "audit_page",
    "check_audit",
    "confirmed",
    "find",
    "hints",
    "safe_ranges",
    "scores",
    "sentence",
    "table",
    "wilson",
]
