"""The services of captures, as the layers above use them."""

from dataclasses import dataclass

from server.captures.challenges import Challenges
from server.captures.checks.runner import Checks
from server.captures.detail import Details
from server.captures.evidence import StoredEvidence
from server.captures.importing import Imports
from server.captures.intake import Intake
from server.captures.keeping import Keeping
from server.captures.masked import MaskedCopies
from server.captures.parts import CaptureParts
from server.captures.reading import Reading
from server.captures.replays import Replays
from server.captures.sealing import Sealer
from server.captures.search import Search
from server.captures.texts import Texts
from server.captures.uploads import Uploads


@dataclass(frozen=True)
class CaptureService:
    """One object per act: challenge → commit → upload → seal → check; search, read."""

    challenges: Challenges
    intake: Intake
    uploads: Uploads
    sealer: Sealer
    checks: Checks
    search: Search
    reading: Reading
    details: Details
    replays: Replays
    imports: Imports
    evidence: StoredEvidence
    masked: MaskedCopies
    texts: Texts

    @classmethod
    def of(cls, parts: CaptureParts) -> "CaptureService":
        """All of them over the same parts."""
        challenges = Challenges(parts)
        intake, uploads, sealer = Intake(parts, challenges), Uploads(parts, Keeping(parts)), Sealer(parts)
        return cls(
            challenges=challenges,
            intake=intake,
            uploads=uploads,
            sealer=sealer,
            checks=Checks(parts),
            search=Search(parts),
            reading=Reading(parts),
            details=Details(parts),
            replays=Replays(parts),
            imports=Imports(intake, uploads, sealer, parts.operators, limit_bytes=parts.settings.upload_limit_bytes),
            evidence=StoredEvidence(parts),
            masked=MaskedCopies(parts),
            texts=Texts(parts),
        )
