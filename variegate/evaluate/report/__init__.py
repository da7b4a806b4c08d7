"""Write a comparison as one self-contained HTML page, JSON, CSV and PNG files."""

from variegate.evaluate.report.write import write_report

__all__ = ["write_report"]
