"""One call each: audit, search, compare, report, tta, export, preview, ops, doctor and demo.

Importing it loads no heavy library; each function checks first that what it needs is installed.
"""

from __future__ import annotations

from variegate.workflow.audit import AuditResult, audit
from variegate.workflow.by_class import ByClassResult, by_class
from variegate.workflow.catalog import OpInfo, ops
from variegate.workflow.common import DataInfo, Event, Interrupted, MissingExtra
from variegate.workflow.compare import CompareResult, compare
from variegate.workflow.demo import DemoResult, demo
from variegate.workflow.doctor import Doctor, doctor
from variegate.workflow.export import ExportResult, export
from variegate.workflow.policies import ARMS, arms, read_policy
from variegate.workflow.preview import Preview, preview
from variegate.workflow.report import ReportResult, report
from variegate.workflow.search import SearchResult, search
from variegate.workflow.setup import plan
from variegate.workflow.tta import TTAResult, tta

__all__ = [
    "ARMS",
    "AuditResult",
    "ByClassResult",
    "CompareResult",
    "DataInfo",
    "DemoResult",
    "Doctor",
    "Event",
    "ExportResult",
    "Interrupted",
    "MissingExtra",
    "OpInfo",
    "Preview",
    "ReportResult",
    "SearchResult",
    "TTAResult",
    "arms",
    "audit",
    "by_class",
    "compare",
    "demo",
    "doctor",
    "export",
    "ops",
    "plan",
    "preview",
    "read_policy",
    "report",
    "search",
    "tta",
]
