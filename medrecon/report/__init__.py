"""A folder of results as one HTML page that needs nothing else: `medrecon report OUT_DIR`."""

from medrecon.report.page import ReportOptions, Written, write_report

__all__ = ["ReportOptions", "Written", "write_report"]
