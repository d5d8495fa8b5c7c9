"""What a doctor says: findings, each with a verdict and what mends it. Pure."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    """How it stands with one thing."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


class Finding(NamedTuple):
    """One thing that was looked at: `about` names it, `says` is one sentence, `mend` what to do.

    An `ok` may have a mend too: what makes it better still.
    """

    about: str
    verdict: Verdict
    says: str
    mend: str = ""


def well(about: str, says: str, hint: str = "") -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(about, Verdict.OK, says, hint)


def warning(about: str, says: str, mend: str) -> Finding:
    """Return a finding of what works now, or in part, and should be mended."""
    return Finding(about, Verdict.WARNING, says, mend)


def fault(about: str, says: str, mend: str) -> Finding:
    """Return a finding of what does not work."""
    return Finding(about, Verdict.FAULT, says, mend)


def is_all_well(findings: Iterable[Finding]) -> bool:
    """Say whether there is nothing to mend."""
    return all(finding.verdict is Verdict.OK for finding in findings)
