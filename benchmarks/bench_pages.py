"""Pages with 100,000 captures, and a case with 99,000 imported sightings and 10,000 findings: how long each takes, beside a page
that asks the database who is there and nothing else.

    python -m benchmarks.bench_pages [--captures 100000] [--rounds 20] [--beside 0]

`--beside`: as many captures and things of cases of another organisation in the same tables; each of them says `beside`, which
nothing of the organisation that asks does.
Every word is generated. Goal: p95 at most 200 ms for each page. The time is the service's own, without a network; searches for a
word that is everywhere are the hard case.
"""

import argparse
import asyncio
import base64
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import httpx2

from benchmarks.figures import Goal, load_average, nearest_rank, tell
from server import migrate
from server.cases.service import CaseOrder
from server.postgres import EmbeddedPostgres
from tests.services.stage import new_spki
from tests.web.crowd import BEGAN, Crowd, Whose, fill
from tests.web.site import Site, open_site, settings_of

GOAL_MS = 200.0
TRIVIAL = "/cases/join/x"
PAGES = (
    TRIVIAL, "/", "/?cursor={cursor}", "/?q=everywhere", "/?q=needle123", "/?host=site7.example", "/search?q=everywhere",
    "/search?q=needle123", "/search?q=word1+word2+word3", "/search?q=everywhere&platform=x&kind=capture",
    "/search?account=a17&captured_from=2026-01-02", "/search?q=post&state=confirmed", "/search?q=everywhere&case={case}",
    "/search?q=everywhere&page=14", "/search?q=half", "/search?q=half+needle123", "/search?q=everywhere&host=site7.example",
    "/search?q=half&whose=shared", "/search?q=half&posted_to=2026-01-03", "/search?q=half&cluster=true", "/?cursor={far}",
    "/?q=half&cursor={far}", "/images", "/images?after=1000",
    "/cases", "/cases/{case}", "/cases/{case}?q=pin77", "/cases/{case}/entities", "/cases/{case}/entities?q=pin77",
    "/cases/{case}/entities?q=everywhere", "/cases/{case}/findings", "/cases/{case}/findings?state=confirmed&before=5000",
    "/cases/{case}/imports", "/cases/{case}/notices", "/cases/{case}/exports", "/statistics", "/exports", "/handovers",
    "/rechecks", "/search?q=beside", "/?q=beside",
)  # fmt: skip


async def filled(site: Site, captures: int) -> str:
    """The id of the case, after everything is there."""
    services = site.services
    lead = await services.operators.ensure_default_operator()
    offer = await services.operators.create_pairing_code(lead.operator_id)
    device = await services.enrolment.pair_device(offer.code, new_spki(), "Generated browser")
    for number in range(150):
        await services.cases.open(lead, CaseOrder(f"Generated case {number}"))
    case = await services.cases.open(lead, CaseOrder("Generated silence period"))
    whose = Whose(lead.organisation_id, lead.operator_id, device.device_id, case.id)
    crowd = Crowd(
        captures,
        entities=captures * 99 // 100,
        findings=captures // 10,
        exhibits=captures // 50,
        notes=captures // 300,
        clusters=captures // 5,
    )
    begun = time.monotonic()
    await asyncio.to_thread(fill, services.database.url, whose, crowd)
    print(f"filled in {time.monotonic() - begun:.0f} s: {crowd}", flush=True)
    return str(case.id)


async def fill_beside(site: Site, captures: int) -> None:
    """Another organisation's rows, numbered far from the first one's."""
    services = site.services
    other = await site.other_organisation()
    offer = await services.operators.create_pairing_code(other.operator_id)
    device = await services.enrolment.pair_device(offer.code, new_spki(), "Generated browser beside")
    case = await services.cases.open(other, CaseOrder("Generated case beside"))
    whose = Whose(other.organisation_id, other.operator_id, device.device_id, case.id)
    crowd = Crowd(captures, captures * 99 // 100, captures // 10, captures // 50, 100, first=10_000_000, extra="beside")
    await asyncio.to_thread(fill, services.database.url, whose, crowd, seed=8)


async def milliseconds(person: httpx2.AsyncClient, page: str, rounds: int) -> list[float]:
    """How long each of `rounds` answers took, after one that is not counted."""
    taken: list[float] = []
    for number in range(rounds + 1):
        begun = time.perf_counter()
        answer = await person.get(page)
        if answer.status_code != 200:
            raise AssertionError(f"{page}: {answer.status_code}")
        if number:
            taken.append(1000 * (time.perf_counter() - begun))
    return taken


async def measure(database_url: str, folder: Path, options: argparse.Namespace) -> bool:
    """Whether every page met its goal."""
    async with open_site(settings_of(folder, database_url)) as site:
        case = await filled(site, options.captures)
        if options.beside:
            await fill_beside(site, options.beside)
        person = await site.person()
        cursor = (await person.get("/api/v1/captures?limit=100")).json()["next_cursor"]
        place = f"{(BEGAN + timedelta(seconds=3 * options.captures)).isoformat()}|{'f' * 64}"  # a tenth of them lie before it
        far = base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")
        is_met, trivial = True, 0.0
        for template in PAGES:
            page = template.format(case=case, cursor=cursor, far=far)
            taken = await milliseconds(person, page, options.rounds)
            trivial = trivial or nearest_rank(taken, 0.5)
            name = template.replace("{case}", "…").replace("{cursor}", "…").replace("{far}", "far back")
            goal = Goal(f"{name[:50]:<50} {nearest_rank(taken, 0.5) / trivial:5.1f}x", p95=GOAL_MS)
            is_met = tell(goal, taken, unit="ms") and is_met
    print(load_average())
    return is_met


def main() -> int:
    """0 when the goals were met."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--captures", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--beside", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="holdstill-bench-") as folder:
        postgres = EmbeddedPostgres(Path(folder) / "postgres")
        try:
            database_url = postgres.open()
            migrate.upgrade(database_url)
            return 0 if asyncio.run(measure(database_url, Path(folder), options)) else 1
        finally:
            postgres.close()


if __name__ == "__main__":
    sys.exit(main())
