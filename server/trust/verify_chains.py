"""Steps 3 and 6 of verify.py: the export event, and the custody chains it commits to, every event proved to stand in the log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from server.trust.bundle import EXPORT_EVENT, EXPORT_RECEIPT, MANIFEST, Bundle, ChainFolder, LogHead, chain_folders
from server.trust.checkpoint import parse_checkpoint_file, verify_checkpoint
from server.trust.dsse import MAX_ENVELOPE_BYTES, PAYLOAD_TYPE, parse_envelope, verify_envelope
from server.trust.errors import VerificationError
from server.trust.events import ChainHead, CustodyEvent, ExportDetails, export_details, parse_event
from server.trust.merkle import verify_inclusion
from server.trust.receipt import MAX_RECEIPT_BYTES, parse_receipt


@dataclass(frozen=True)
class LoadedEvent:
    """An event file of a chain: its digest (which is its leaf), and the event or why there is none."""

    path: str
    sha256: str
    content: CustodyEvent | VerificationError

    def event(self) -> CustodyEvent:
        """The event. Raises: VerificationError."""
        if isinstance(self.content, VerificationError):
            raise self.content
        return self.content


@dataclass(frozen=True)
class Chain:
    """A chain with its events read. Whether it is whole is for step 6 to say."""

    folder: ChainFolder
    events: tuple[LoadedEvent, ...]

    def of_type(self, kind: str) -> list[LoadedEvent]:
        """The readable events of one type, in order."""
        return [loaded for loaded in self.events if isinstance(loaded.content, CustodyEvent) and loaded.content.type == kind]


@dataclass(frozen=True)
class Custody:
    """All chains of the bundle by owner: capture id or device key id."""

    captures: Mapping[str, Chain]
    devices: Mapping[str, Chain]


def load_custody(bundle: Bundle) -> Custody:
    """Reads every chain once. Signatures are checked here, under the policy's service keys when there is a policy."""
    return Custody(
        {folder.owner: _load_chain(bundle, folder) for folder in chain_folders(bundle, "capture")},
        {folder.owner: _load_chain(bundle, folder) for folder in chain_folders(bundle, "device")},
    )


def check_export(bundle: Bundle) -> ExportDetails | None:
    """Step 3. The export event: signed by the service, over this very manifest. None when it cannot be read."""
    findings = bundle.findings
    details = None
    with findings.attempt(3, EXPORT_EVENT):
        event = _read_event(bundle, EXPORT_EVENT)
        details = export_details(event)
        manifest = bundle.digest(MANIFEST)
        if not event.item.startswith("export:"):
            raise VerificationError("the event is not of an export")
        if details.manifest_sha256 != manifest or event.subject_sha256 != manifest:
            raise VerificationError(f"the export was made over another {MANIFEST}")
    if bundle.policy is None:
        findings.not_checked(3, EXPORT_EVENT, "no policy was given: the service's signature is not checked")
    return details


def check_chains(bundle: Bundle, custody: Custody, export: ExportDetails | None, head: LogHead | None) -> None:
    """Step 6. Links, subjects, heads and log inclusion of every event; fills `bundle.leaves`."""
    findings = bundle.findings
    if bundle.policy is None:
        findings.not_checked(6, None, "no policy was given: the service's signatures on events are not checked")
    if head is None:
        findings.not_checked(6, None, "there is no readable checkpoint to prove the events against")
    heads = {"capture": export.captures, "device": export.devices} if export is not None else {"capture": (), "device": ()}
    for kind, chains in (("capture", custody.captures), ("device", custody.devices)):
        named = {entry.owner: entry for entry in heads[kind]}
        for owner, chain in chains.items():
            _check_chain(bundle, chain, head)
            with findings.attempt(6, chain.folder.folder):
                _check_head(chain, named.get(owner))
        for owner in sorted(named.keys() - chains.keys()):
            findings.failed(6, f"data/{kind}s/{owner}", "the export names this chain, but the bundle does not hold it")
    if head is not None:
        with findings.attempt(6, EXPORT_RECEIPT):
            index = _prove_leaf(bundle, bundle.digest(EXPORT_EVENT), EXPORT_RECEIPT, head)
            if any(other >= index for other in bundle.leaves.values()):
                raise VerificationError("the log holds the export before an event that it exports")


def _check_chain(bundle: Bundle, chain: Chain, head: LogHead | None) -> None:
    previous: LoadedEvent | None = None
    for seq, loaded in enumerate(chain.events):
        with bundle.findings.attempt(6, loaded.path):
            _check_link(bundle, chain, loaded, seq, previous)
            if head is not None:
                index = _prove_leaf(bundle, loaded.sha256, f"proofs/events/{loaded.sha256}.tlog-proof", head)
                if previous is not None and bundle.leaves.get(previous.sha256, -1) >= index:
                    raise VerificationError("the log holds this event before the one it follows")
                bundle.leaves[loaded.sha256] = index
        previous = loaded


def _check_link(bundle: Bundle, chain: Chain, loaded: LoadedEvent, seq: int, previous: LoadedEvent | None) -> None:
    event = loaded.event()
    if event.item != chain.folder.item:
        raise VerificationError(f"the event belongs to {event.item[:100]}, not to {chain.folder.item}")
    if event.seq != seq:
        raise VerificationError(f"the event is number {event.seq} of its chain, but stands at place {seq}")
    if event.prev != (None if previous is None else previous.sha256):
        raise VerificationError("the event does not follow the one before it: `prev` is another SHA-256")
    if chain.folder.item.startswith("device:"):
        subject = chain.folder.owner
    else:
        subject = bundle.digest(f"{chain.folder.folder}/statement.dsse.json")
    if event.subject_sha256 != subject:
        raise VerificationError("the event is about another subject")


def _check_head(chain: Chain, named: ChainHead | None) -> None:
    if named is None:
        raise VerificationError("the export does not name this chain")
    if not chain.events or named.seq != len(chain.events) - 1 or named.head != chain.events[-1].sha256:
        raise VerificationError(f"the chain does not end at the event the export names (number {named.seq})")


def _prove_leaf(bundle: Bundle, sha256: str, path: str, head: LogHead) -> int:
    """The event's index in the log. Raises: VerificationError naming the receipt."""
    try:
        receipt = parse_receipt(bundle.read(path, MAX_RECEIPT_BYTES))
        note, _ = parse_checkpoint_file(receipt.checkpoint)
        if note.text != head.text:
            raise VerificationError("the receipt is against another checkpoint than proofs/checkpoint")
        if bundle.policy is not None and receipt.checkpoint not in bundle.signed_notes:
            verify_checkpoint(receipt.checkpoint, bundle.policy.log, need_quorum=False)
            bundle.signed_notes.add(receipt.checkpoint)
        verify_inclusion(bytes.fromhex(sha256), receipt.index, head.checkpoint.size, receipt.hashes, head.checkpoint.root)
    except VerificationError as error:
        raise VerificationError(f"not proved to be in the log: {error.reason} ({path})") from error
    return receipt.index


def _load_chain(bundle: Bundle, folder: ChainFolder) -> Chain:
    events = []
    for path in folder.events:
        content: CustodyEvent | VerificationError
        try:
            content = _read_event(bundle, path)
        except VerificationError as error:
            content = error
        events.append(LoadedEvent(path, bundle.digest(path), content))
    return Chain(folder, tuple(events))


def _read_event(bundle: Bundle, path: str) -> CustodyEvent:
    envelope = parse_envelope(bundle.read(path, MAX_ENVELOPE_BYTES))
    if envelope.payload_type != PAYLOAD_TYPE:
        raise VerificationError(f"the payload type is not {PAYLOAD_TYPE}")
    if bundle.policy is not None:
        verify_envelope(envelope, bundle.policy.service(envelope.key_id))
    return parse_event(envelope.payload)
