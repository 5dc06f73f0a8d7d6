"""The oracle: after a test, everything must still follow from the stored bytes alone."""

from typing import Protocol

from server.custody.audit import AuditTrust, audit
from server.custody.audit_events import EvidenceSource
from server.custody.findings import AuditReport
from server.custody.service import CustodyService
from server.custody.stamping import StampService
from server.transparency.log import Log
from server.trust.keys import ServicePublicKey


class Services(Protocol):
    """What the oracle needs of a set of services: of composition.Services, or of a test's own."""

    @property
    def log(self) -> Log: ...
    @property
    def custody(self) -> CustodyService: ...
    @property
    def stamps(self) -> StampService: ...


async def audited(services: Services, evidence: EvidenceSource | None = None) -> AuditReport:
    """The audit's report over what the services stored."""
    service = ServicePublicKey.from_vkey(services.custody.service_vkey)
    tsas = {tsa.name: tsa.anchors for tsa in services.stamps.tsas}
    trust = AuditTrust(services.log.trust, {service.key_id: service}, tsas)
    return await audit(services.log.database, trust, evidence)


async def assert_sound(services: Services, evidence: EvidenceSource | None = None) -> AuditReport:
    """Fails, naming every contradiction, unless digests, leaves, tree, roots, chains and stamps follow from stored bytes."""
    report = await audited(services, evidence)
    assert report.is_sound, "\n".join(f"{finding.where}: {finding.reason}" for finding in report.failures)
    return report
