"""The services of handing over, as the layers above use them."""

from dataclasses import dataclass

from server.captures.parts import CaptureParts
from server.exports.case_service import CaseExportService
from server.handovers.departed import DepartedLinks
from server.handovers.links import Links
from server.handovers.parts import HandoverParts
from server.handovers.renewing import Renewals
from server.handovers.submissions import Submissions
from server.handovers.visits import Visits


@dataclass(frozen=True)
class HandoverService:
    """Links for recipients, what recipients do, records of submission, newer masked copies, links of people who left."""

    links: Links
    visits: Visits
    submissions: Submissions
    renewals: Renewals
    departed: DepartedLinks

    @classmethod
    def of(cls, captures: CaptureParts, case_exports: CaseExportService) -> "HandoverService":
        """All of them over the same parts, which are those of captures."""
        parts = HandoverParts(
            database=captures.database,
            clock=captures.clock,
            custody=captures.custody,
            case_exports=case_exports,
            blobs=captures.blobs,
            working=captures.working,
        )
        submissions = Submissions(parts)
        return cls(Links(parts, submissions), Visits(parts), submissions, Renewals(parts), DepartedLinks(parts))
