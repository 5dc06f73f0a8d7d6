"""The committed contract is the one the code serves."""

import json
from pathlib import Path

from server.app import openapi_document

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "openapi.json"


def test_the_committed_openapi_document_is_current() -> None:
    """Write it again with: holdstill admin openapi > docs/openapi.json"""
    assert json.loads(COMMITTED.read_text("utf-8")) == json.loads(json.dumps(openapi_document()))


def test_every_call_of_the_contract_is_described() -> None:
    paths = openapi_document()["paths"]
    wanted = {
        "/api/v1/devices": {"post"},
        "/api/v1/challenge": {"get"},
        "/api/v1/captures": {"get", "post"},
        "/api/v1/captures/{capture_id}": {"get"},
        "/api/v1/captures/{capture_id}/seal": {"post"},
        "/api/v1/captures/{capture_id}/receipt": {"get"},
        "/api/v1/captures/{capture_id}/events": {"get"},
        "/api/v1/captures/{capture_id}/artifacts/{sha256}": {"put", "post"},
        "/api/v1/captures/{capture_id}/artifacts/{name}": {"get", "head"},
        "/api/v1/uploads/{upload_id}": {"head", "patch", "delete"},
        "/api/v1/exports": {"post"},
        "/api/v1/exports/{export_id}": {"get"},
        "/api/v1/exports/{export_id}/file": {"get", "head"},
        "/log/checkpoint": {"get"},
        "/healthz": {"get"},
        "/readyz": {"get"},
        "/metrics": {"get"},
    }
    for path, methods in wanted.items():
        assert methods <= set(paths[path]), path
