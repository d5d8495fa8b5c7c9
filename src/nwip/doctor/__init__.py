"""`nwip doctor`: looks a node over, and says of each thing whether it is well and what mends it.

`looking` and `reaching` gather facts from the machine and the network; `machine`, `domain` and `firewall`
judge them without looking themselves; `examination` has the order.
"""

from nwip.doctor.examination import Examination, examine
from nwip.doctor.findings import Finding, Verdict

__all__ = ["Examination", "Finding", "Verdict", "examine"]
