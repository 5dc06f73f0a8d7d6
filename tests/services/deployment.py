"""A service with an authority and a witness, and the bundles it hands out."""

from dataclasses import dataclass
from pathlib import Path

from server.trust.policy import format_policy
from server.verifier import run_verify
from tests.tsa import LocalTsa
from tests.web.site import Site
from tests.web.witness import LocalWitness


@dataclass
class Deployment:
    """A service with an authority and a witness."""

    site: Site
    tsa: LocalTsa
    witness: LocalWitness
    folder: Path

    async def export(self, *captures: str) -> str:
        """Asks over HTTP as a signed-in person and runs the job; the export id."""
        person = await self.site.person()
        asked = {"kind": "bundle", "captures": list(captures), "purpose": "complaint", "recipient": "The regulator"}
        answer = await person.post("/api/v1/exports", json=asked)
        assert answer.status_code == 202, answer.text
        await self.site.services.exports.bundler.run(answer.json()["export_id"])
        return str(answer.json()["export_id"])

    async def state(self, export_id: str) -> dict[str, object]:
        person = await self.site.person()
        return dict((await person.get(f"/api/v1/exports/{export_id}")).json())

    async def download(self, export_id: str) -> Path:
        person = await self.site.person()
        answer = await person.get(f"/api/v1/exports/{export_id}/file")
        assert answer.status_code == 200, answer.text
        path = self.folder / f"{export_id}.zip"
        path.write_bytes(answer.content)
        return path

    def verify(self, bundle: Path) -> int:
        policy = self.folder / "policy.toml"
        policy.write_text(format_policy(self.site.services.policy))
        return run_verify(bundle, policy)
