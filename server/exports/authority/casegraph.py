"""`case.jsonld`: the capture of each exhibit as a CASE/UCO graph, written node by node. Ids follow from what they name.

An exhibit is an InvestigativeAction: performer, instrument, times, the address as object; files and their ProvenanceRecord as
result. Source: CASE 1.5.0, UCO 1.5.0. Not in it: findings (findings.jsonl), and proofs, for which these ontologies have no words.
"""

import json
import uuid
from collections.abc import Mapping
from typing import IO

from server.exports.authority.exhibits import ExhibitFacts
from server.exports.authority.order import AuthorityOrder
from server.exports.tables.findings import utc_text

_IDS = uuid.UUID("0b6f1c5e-6a1f-5d0e-8f0e-4a55f7a3b0d2")
"""The namespace of the graph's ids. Never changed: a second export must name the same thing the same."""
_UCO = "https://ontology.unifiedcyberontology.org/uco"
CONTEXT = {
    "kb": "https://holdstill.local/kb/",
    "case-investigation": "https://ontology.caseontology.org/case/investigation/",
    "uco-action": f"{_UCO}/action/",
    "uco-core": f"{_UCO}/core/",
    "uco-identity": f"{_UCO}/identity/",
    "uco-observable": f"{_UCO}/observable/",
    "uco-tool": f"{_UCO}/tool/",
    "uco-types": f"{_UCO}/types/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
}
Node = Mapping[str, object]
CLOCKS = (
    "The start is by the clock of the device, a claim. The end is when the service received the signed statement, by its own "
    "clock: the act ended no later, and perhaps long before."
)


def node_id(kind: str, *names: object) -> str:
    """`kb:<kind>-<uuid>`: the same names give the same id in every export."""
    return f"kb:{kind}-{uuid.uuid5(_IDS, json.dumps([kind, *map(str, names)]))}"


class CaseGraph:
    """A graph on its way into a file. Nothing but ids is kept, so memory does not grow with files."""

    def __init__(self, out: IO[str], order: AuthorityOrder) -> None:
        self._out, self._order, self._first = out, order, True
        self._actions: list[str] = []
        self._devices: set[str] = set()
        self._organisation = node_id("organization", order.case, order.organisation)
        out.write('{"@context":' + _text(CONTEXT) + ',"@graph":[')
        self._add(
            {
                "@id": self._organisation,
                "@type": ["uco-identity:Identity", "uco-identity:Organization"],
                "uco-core:name": order.organisation,
            }
        )

    def add(self, exhibit: ExhibitFacts) -> None:
        """One exhibit: its address, files, provenance and the act that made them."""
        capture = exhibit.capture.capture_id
        action, address, record = (node_id(kind, capture) for kind in ("investigative-action", "url", "provenance-record"))
        self._add(_address(address, exhibit.url))
        files = [node_id("file", capture, one.name) for one in exhibit.artifacts]
        for one, file in zip(exhibit.artifacts, files, strict=True):
            facets = (_file_facet(file, one.name, one.size_bytes), _content_facet(file, one.media_type, one.sha256))
            self._add(
                {"@id": file, "@type": ["uco-observable:File", "uco-observable:ObservableObject"], "uco-core:hasFacet": facets}
            )
        self._add(
            {
                "@id": record,
                "@type": "case-investigation:ProvenanceRecord",
                "uco-core:description": f"Capture {capture}",
                "case-investigation:exhibitNumber": exhibit.name,
                "uco-core:object": [_ref(one) for one in files],
            }
        )
        self._add(
            {
                "@id": action,
                "@type": "case-investigation:InvestigativeAction",
                "uco-core:name": f"Capture of {exhibit.name}",
                "uco-core:description": CLOCKS,
                "uco-action:performer": _ref(self._organisation),
                "uco-action:instrument": _ref(self._device(exhibit)),
                "uco-action:startTime": _moment(utc_text(exhibit.statement.captured_at)),
                "uco-action:endTime": _moment(utc_text(exhibit.capture.received_at)),
                "uco-action:object": [_ref(address)],
                "uco-action:result": [_ref(record), *(_ref(one) for one in files)],
            }
        )
        self._actions.append(action)

    def close(self) -> None:
        """The investigation itself, and the end of the file."""
        order = self._order
        self._add(
            {
                "@id": node_id("investigation", order.case),
                "@type": "case-investigation:Investigation",
                "uco-core:name": f"Case C-{order.number}: {order.title}",
                "case-investigation:focus": order.election or order.title,
                "uco-core:object": [_ref(one) for one in self._actions],
            }
        )
        self._out.write("]}\n")

    def _device(self, exhibit: ExhibitFacts) -> str:
        """The browser extension on one device, by its key; described once."""
        key = exhibit.capture.device_key_id
        device = node_id("configured-tool", key)
        if device not in self._devices:
            self._devices.add(device)
            said = {"uco-core:name": "Holdstill browser extension", "uco-core:description": f"Signs with the device key {key}"}
            self._add({"@id": device, "@type": "uco-tool:ConfiguredTool", "uco-tool:toolType": "Browser extension"} | said)
        return device

    def _add(self, node: Node) -> None:
        self._out.write(("\n" if self._first else ",\n") + _text(node))
        self._first = False


def _address(address: str, url: str) -> Node:
    facet = {"@id": node_id("url-facet", address), "@type": "uco-observable:URLFacet", "uco-observable:fullValue": url}
    return {"@id": address, "@type": ["uco-observable:ObservableObject", "uco-observable:URL"], "uco-core:hasFacet": [facet]}


def _file_facet(file: str, name: str, size_bytes: int) -> Node:
    size = {"@type": "xsd:integer", "@value": str(size_bytes)}
    named = {"uco-observable:fileName": name, "uco-observable:sizeInBytes": size}
    return {"@id": node_id("file-facet", file), "@type": "uco-observable:FileFacet", **named}


def _content_facet(file: str, media_type: str, sha256: str) -> Node:
    digest = {
        "@id": node_id("hash", file),
        "@type": "uco-types:Hash",
        "uco-types:hashMethod": "SHA256",
        "uco-types:hashValue": {"@type": "xsd:hexBinary", "@value": sha256.upper()},
    }
    about = {"uco-observable:mimeType": media_type, "uco-observable:hash": [digest]}
    return {"@id": node_id("content-data-facet", file), "@type": "uco-observable:ContentDataFacet", **about}


def _ref(node: str) -> dict[str, str]:
    return {"@id": node}


def _moment(text: str | None) -> dict[str, str | None]:
    return {"@type": "xsd:dateTime", "@value": text}


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
