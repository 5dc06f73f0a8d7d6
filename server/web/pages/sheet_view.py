"""What a contact sheet says, gathered from the services and put into words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from server.composition import Services
from server.errors import NotFound
from server.images.sheets import OnSheet
from server.images.views import ClusterView, ElsewhereView, MemberView, SightingView
from server.media.provenance.signals import SignalOutcome
from server.operators.actors import OperatorActor
from server.web.pages.image_words import count_line, count_rows, evidence_line, facts_line, is_known, signal_line, whose_line
from server.web.pages.render import human_time
from server.web.pages.sheet import SIGHTINGS_LIMIT, Sheet, SheetMember, SheetSighting
from server.web.texts import Texts

MEMBERS_LIMIT = 300
SHEET_WORDS = {
    "representative": "relation.representative",
    "no_picture": "image.no_picture",
    "images": "cluster.members",
    "sightings": "sightings.title",
    "when": "sighting.when",
    "where": "sighting.where",
    "whose": "sighting.whose",
    "capture": "sighting.capture",
    "nowhere": "sightings.none",
    "elsewhere": "elsewhere.title",
    "elsewhere_hint": "elsewhere.hint",
    "received": "deposit.received",
}


@dataclass(frozen=True)
class ClusterSheet:
    """The sheet in words, and what it was made of."""

    cluster: ClusterView
    sightings: tuple[SightingView, ...]
    elsewhere: tuple[ElsewhereView, ...]
    sheet: Sheet

    @property
    def on_it(self) -> OnSheet:
        """What its custody event names."""
        images, captures = [one.sha256 for one in self.sheet.members], [one.capture_id for one in self.sightings]
        return OnSheet(images, captures, self.elsewhere)


async def cluster_sheet(services: Services, actor: OperatorActor, cluster_id: UUID, texts: Texts) -> ClusterSheet:
    """Every image of the cluster (300 at most) and every sighting. Raises: NotFound, ClusterEnded."""
    view = await services.images.reads.cluster(actor, cluster_id)
    seen = await services.images.reads.cluster_sightings(actor, cluster_id)
    placed = await services.images.reads.cluster_elsewhere(actor, cluster_id)
    sightings, standing = seen.shown, [one for one in placed.shown if not one.withdrawn]
    elsewhere = standing[: max(0, SIGHTINGS_LIMIT - len(sightings))]
    captured = {one.sha256 for one in sightings}
    made_at = services.clock.now()
    members = [
        await _member(services, actor, one, texts, texts.get("deposit.elsewhere") if one.image.sha256 not in captured else "")
        for one in view.members[:MEMBERS_LIMIT]
    ]
    left_out = view.members_count - len(members)
    roles = {one.image.sha256: "exact" if one.role == "representative" else one.role for one in view.members}
    notes = [texts.get("cluster.note"), texts.get("counts.note"), texts.get("signals.note")]
    counts = count_rows(texts, view.counts)
    if view.elsewhere.places:
        notes.append(texts.get("sheet.of_captures"))
        counts += tuple((texts.get(f"sheet.elsewhere.{unit}"), str(number)) for unit, number in vars(view.elsewhere).items())
    if left_out:
        notes.append(texts.get("sheet.left_out", n=left_out))
    if unlisted := seen.count - len(sightings) + placed.standing - len(elsewhere):
        notes.append(texts.get("sheet.unlisted", n=unlisted))
    sheet = Sheet(
        title=texts.get("sheet.title"),
        subtitle=" · ".join(part for part in (count_line(texts, view.counts), str(view.cluster_id), human_time(made_at)) if part),
        notes=tuple(notes),
        foot=texts.get("sheet.foot"),
        made_at=made_at,
        counts=counts,
        thumbnail=await _thumbnail(services, actor, view.representative.sha256),
        members=tuple(members),
        sightings=tuple(
            SheetSighting(
                human_time(one.captured_at),
                one.capture_title or one.page_url,
                one.page_url,
                f"{_relation(texts, roles, one)} · {texts.get(f'source.{one.source}')}",
                whose_line(texts, one),
                one.capture_id,
            )
            for one in sightings
        ),
        elsewhere=tuple(_elsewhere(texts, one) for one in elsewhere),
    )
    return ClusterSheet(view, sightings, tuple(elsewhere), sheet)


def _relation(texts: Texts, roles: Mapping[str, str], sighting: SightingView) -> str:
    """What stood there: the very file the cluster is known by, the same picture, or one that shows it in part; and which file."""
    return f"{texts.get(f'relation.{roles[sighting.sha256]}')} ({sighting.sha256[:12]})"


def _elsewhere(texts: Texts, place: ElsewhereView) -> SheetSighting:
    """A place in a file made elsewhere: no capture holds it, and who posted it is not known."""
    said_at = "" if place.said_at is None else f"{texts.get('elsewhere.said_at')} {human_time(place.said_at)}"
    return SheetSighting(
        human_time(place.received_at),
        f"{place.number} · {place.file_name}",
        place.url,
        " · ".join(part for part in (said_at, f"{texts.get('deposit.said_by')}: {place.said_by}") if part),
        whose="",
        capture="",
    )


async def _member(services: Services, actor: OperatorActor, one: MemberView, texts: Texts, mark: str) -> SheetMember:
    read = await services.images.origins.of(actor, one.image.sha256)
    found = [signal for signal in read.signals if signal.outcome is SignalOutcome.FOUND]
    return SheetMember(
        one.image.sha256,
        " · ".join(part for part in (texts.get(f"relation.{one.role}"), mark) if part),
        facts_line(texts, one.image),
        evidence_line(texts, one.evidence, own="known" if is_known(one) else "query"),
        tuple(signal_line(texts, signal) for signal in found[:8]),
        await _thumbnail(services, actor, one.image.sha256),
    )


async def _thumbnail(services: Services, actor: OperatorActor, sha256: str) -> bytes:
    try:
        return await services.images.reads.thumbnail(actor, sha256)
    except NotFound:
        return b""
