"""STIX, MISP and ClaimReview of confirmed findings: judged by validators of other people, and by what each profile may tell."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.exports.errors import ExportRefused
from server.exports.exchange.checks import stix_problems
from server.exports.exchange.claims import claim_graph
from server.exports.exchange.misp import misp_event
from server.exports.exchange.shown import FINDINGS_LIMIT, CaseShown, Shown, all_shown, shown
from server.exports.exchange.stix import observables, stix_bundle
from server.exports.exchange.stixids import observable_id
from server.exports.profiles import Profile
from server.exports.tables.findings import ConfirmedFinding
from tests.exports.rows import AT, CASE, confirmed
from tests.validators import run_validator

GALAXY = {"framework": "DISARM", "version": "misp-galaxy v2", "id": "T0002", "name": "Facilitate State Propaganda"}
NEWER = {"framework": "DISARM", "version": "1.6", "id": "T0149.003", "name": "Lookalike Domain"}
# How the validator is asked: vocabularies and relationships are recommendations, which these findings go beyond.
STIX_RULES = ["-d", "103,202,244,271,302"]


def case(profile: Profile, marking: str = "TLP:CLEAR") -> CaseShown:
    said = "2024-07-07T10:00:00.000Z"
    return CaseShown(str(CASE), 1, "Here", marking, profile, said, said)


def findings() -> list[ConfirmedFinding]:
    """Of a post, of a picture without a post, of a site of its own; two share an address and a technique."""
    picture = {"subject": {"platform": "x", "url": "https://x.example/1", "media_sha256": "ab" * 32}, "ttps": [GALAXY]}
    site = {
        "subject": {"url": "https://copy.example/news"},
        "redirect_chain": ["https://a.example/", "kein Link"],
        "ttps": [NEWER],
    }
    return [
        confirmed(1, ttps=[GALAXY, NEWER], narrative="They cheat.", content_text="Stačilo! Подписка"),
        confirmed(2, **picture),
        confirmed(3, **site, confidence="very_likely", sightings=[]),
    ]


def told(profile: Profile) -> list[Shown]:
    return [shown(one, profile) for one in findings()]


@pytest.mark.parametrize("profile", [Profile.INTERNAL, Profile.AUTHORITY, Profile.PUBLIC])
def test_stix_bundle_is_valid_and_holds_together(profile: Profile, tmp_path: Path) -> None:
    bundle = stix_bundle(case(profile, "TLP:AMBER+STRICT"), told(profile))
    assert stix_problems(bundle) == []
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    done = run_validator("stix2-validator", "stix2_validator", [*STIX_RULES, "bundle.json"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [one["name"] for one in bundle["objects"] if one["type"] == "marking-definition"] == ["TLP:AMBER+STRICT"]


def test_validator_refuses_a_bundle_whose_times_run_backwards(tmp_path: Path) -> None:
    bundle = stix_bundle(case(Profile.INTERNAL), told(Profile.INTERNAL))
    seen = next(one for one in bundle["objects"] if one["type"] == "observed-data")
    seen["first_observed"], seen["last_observed"] = "2024-07-06T10:00:01.000Z", "2024-07-06T10:00:00.000Z"
    (tmp_path / "bundle.json").write_text(json.dumps(bundle))
    assert run_validator("stix2-validator", "stix2_validator", [*STIX_RULES, "bundle.json"], cwd=tmp_path).returncode == 2


def test_every_way_in_which_a_bundle_can_fall_apart_is_found() -> None:
    bundle = stix_bundle(case(Profile.INTERNAL), told(Profile.INTERNAL))
    first, *rest = bundle["objects"]
    report = rest[-1]
    assert "is there 2 times" in stix_problems({"objects": [first, first, *rest]})[0]
    assert all("which is not there" in one for one in stix_problems({"objects": [report, first]}))
    unknown = {**first, "extensions": {"extension-definition--0": {}}}
    assert stix_problems({"objects": [unknown, *rest]}) == [f"{first['id']} has extension-definition--0, which nobody defines"]


def test_stix_says_a_technique_once_with_its_framework_and_never_as_attack() -> None:
    bundle = stix_bundle(case(Profile.INTERNAL), told(Profile.INTERNAL))
    patterns = [one for one in bundle["objects"] if one["type"] == "attack-pattern"]
    assert sorted(one["external_references"][0]["external_id"] for one in patterns) == ["T0002", "T0149.003"]
    assert {one["external_references"][0]["source_name"] for one in patterns} == {"DISARM"}
    assert {phase["kill_chain_name"] for one in patterns for phase in one.get("kill_chain_phases", [])} == {"disarm"}
    assert "mitre" not in json.dumps(bundle).lower()


def test_stix_ids_stay_the_same_and_name_the_same_thing_once() -> None:
    first, second = (stix_bundle(case(Profile.INTERNAL), told(Profile.INTERNAL)) for _ in range(2))
    assert first == second
    urls = [one["value"] for one in first["objects"] if one["type"] == "url"]
    assert sorted(urls) == ["https://a.example/", "https://copy.example/news", "https://x.example/1", "https://x.example/2"]
    assert [one["value"] for one in first["objects"] if one["type"] == "domain-name"] == ["copy.example"]


def test_stix_versions_tell_profiles_and_markings_apart_and_are_never_the_one_exported_before() -> None:
    """One id and one `modified` mean one content (STIX 2.1 §3.6.2); the fuller version is the later one. Ids are for ever."""
    markings = ("TLP:CLEAR", "TLP:RED")
    asked = [(profile, marking) for profile in (Profile.PUBLIC, Profile.AUTHORITY, Profile.INTERNAL) for marking in markings]
    known: dict[tuple[str, str], Any] = {}
    moments = []
    for profile, marking in asked:
        objects = stix_bundle(case(profile, marking), told(profile))["objects"]
        for one in objects:
            if "modified" in one:
                assert known.setdefault((one["id"], one["modified"]), one) == one, (profile, marking, one["type"])
        [incident] = [one for one in objects if one["type"] == "incident" and one["name"].startswith("C-1/F-1 ")]
        assert incident["id"] == "incident--14880cdb-7fbc-5f17-9652-95d6b8d8d0c3"
        assert incident["created"] < incident["modified"], "what was exported before had both the same"
        assert ("created_by_ref" in incident) == (profile is not Profile.PUBLIC), "no version names another creator"
        moments.append(incident["modified"])
    assert moments == sorted(set(moments))


def test_observables_have_the_ids_that_other_producers_give(tmp_path: Path) -> None:
    """The reference implementation gives the same ids."""
    wanted = {
        "url": {"value": "https://x.example/Подписка?q=1"},
        "user-account": {"account_type": "facebook", "user_id": "1735765521595875777"},
        "file": {"hashes": {"SHA-256": "ab" * 32}},
        "domain-name": {"value": "copy.example"},
    }
    script = (
        "import json, stix2, sys\n"
        "made = {'url': stix2.URL, 'user-account': stix2.UserAccount, 'file': stix2.File, 'domain-name': stix2.DomainName}\n"
        "print(json.dumps({kind: made[kind](**members).id for kind, members in json.load(open('wanted.json')).items()}))\n"
    )
    (tmp_path / "wanted.json").write_text(json.dumps(wanted))
    (tmp_path / "ids.py").write_text(script)
    done = run_validator("stix2", "python", ["ids.py"], cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {kind: observable_id(kind, members) for kind, members in wanted.items()}


@pytest.mark.parametrize("url", ["http://[bad/x", "https:///nowhere", "https://" + "a." * 200 + "example/x"])
def test_an_address_that_names_no_host_is_no_observable_and_breaks_no_export(url: str) -> None:
    first = told(Profile.INTERNAL)[0]
    made = observables(replace(first, cells={**first.cells, "url": url, "platform": ""}))
    assert "domain-name" not in {one["type"] for one in made}
    assert (url in {one.get("value") for one in made}) == url.endswith("example/x")


def test_misp_event_fits_the_templates_and_blocks_nothing(tmp_path: Path) -> None:
    event = misp_event(case(Profile.INTERNAL, "TLP:AMBER"), told(Profile.INTERNAL))
    script = (
        "import json, jsonschema, os, pymisp\n"
        "told = json.load(open('event.json'))\n"
        "folder = os.path.join(os.path.dirname(pymisp.__file__), 'data')\n"
        "jsonschema.validate(told, json.load(open(os.path.join(folder, 'schema-lax.json'))))\n"
        "event = pymisp.MISPEvent(); event.load(json.load(open('event.json')))\n"
        "for one in told['Event']['Object']:\n"
        "    made = pymisp.MISPObject(one['name'], strict=True)\n"
        "    for part in one['Attribute']:\n"
        "        made.add_attribute(part['object_relation'], part['value'], to_ids=part['to_ids'])\n"
        "        assert made._definition['attributes'][part['object_relation']]['misp-attribute'] == part['type'], part\n"
        "    made.to_dict(strict=True)\n"
        "    assert made.template_uuid == one['template_uuid'], one['name']\n"
        "    assert str(made.template_version) == one['template_version'], one['name']\n"
        "    assert getattr(made, 'meta-category') == one['meta-category'], one['name']\n"
        "parts = [p for o in event.objects for p in o.attributes] + list(event.attributes)\n"
        "print(len(event.objects), sum(p.to_ids for p in parts))\n"
    )
    (tmp_path / "event.json").write_text(json.dumps(event))
    (tmp_path / "check.py").write_text(script)
    done = run_validator("pymisp", "python", ["check.py"], cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.split() == [str(len(event["Event"]["Object"])), "0"]
    tags = [one["name"] for one in event["Event"]["Tag"]]
    assert tags == ["tlp:amber", 'misp-galaxy:disarm-techniques="Facilitate State Propaganda"', "disarm:T0149.003"]
    assert "T0149.003 Lookalike Domain" in event["Event"]["Attribute"][0]["value"]


def test_misp_ids_are_unique_and_stay_the_same() -> None:
    first, second = (misp_event(case(Profile.INTERNAL), told(Profile.INTERNAL)) for _ in range(2))
    assert first == second
    parts = [part["uuid"] for one in first["Event"]["Object"] for part in one["Attribute"]]
    ids = [first["Event"]["uuid"], *(one["uuid"] for one in first["Event"]["Object"]), *parts]
    assert len(ids) == len(set(ids))


def test_claims_say_where_they_appeared_and_rate_nothing() -> None:
    graph = claim_graph(told(Profile.INTERNAL), "https://archive.example/{capture}")
    post = graph["@graph"][0]["appearance"][0]
    assert post["@type"] == "SocialMediaPosting" and post["text"] == "Stačilo! Подписка"
    assert post["identifier"] == "1735765521595800001" and post["creator"] == {"identifier": "1735765521595875777"}
    assert post["archivedAt"] == [f"https://archive.example/{1:064x}"]
    picture = graph["@graph"][1]["appearance"][0]
    assert picture["@type"] == "ImageObject" and picture["sha256"] == "ab" * 32
    assert "reviewRating" not in json.dumps(graph)
    assert "archivedAt" not in json.dumps(claim_graph(told(Profile.INTERNAL), ""))


def stated(value: str, precision_s: float, **more: Any) -> Shown:
    """A finding whose post has this one time, as a page displays it."""
    subject = {"platform": "x", "url": "https://x.example/1"}
    posted = [{"value": value, "source": "displayed", "precision_s": precision_s} | more]
    return shown(confirmed(1, subject=subject, posted_at=posted), Profile.INTERNAL)


NOON = "2024-06-07T12:00:00Z"
PUBLISHED = [
    ("second", NOON, 1.0, "2024-06-07T12:00:00.000Z"),
    ("minute", NOON, 60.0, "2024-06-07"),
    ("day", NOON, 43_200.0, "2024-06-07"),
    ("day of Paris", "2024-06-07T10:00:00Z", 43_200.0, "2024-06-07"),
    ("day of Honolulu or of Tongatapu", "2024-06-07T22:00:00Z", 43_200.0, "2024-06"),
    ("twelve hours about midnight", "2024-06-07T00:00:00Z", 21_600.0, "2024-06"),
    ("day about the end of a month", "2024-07-01T00:00:00Z", 43_200.0, "2024"),
    ("month", "2024-06-16T00:00:00Z", 15 * 86_400.0, "2024-06"),
    ("half a year", "2024-06-16T00:00:00Z", 90 * 86_400.0, "2024"),
    ("about a new year", "2024-01-01T00:00:00Z", 43_201.0, None),
]


@pytest.mark.parametrize(("value", "precision_s", "published"), [one[1:] for one in PUBLISHED], ids=[one[0] for one in PUBLISHED])
def test_an_appearance_is_dated_no_more_exactly_than_is_known(value: str, precision_s: float, published: str | None) -> None:
    [claim] = claim_graph([stated(value, precision_s)], "")["@graph"]
    assert claim["appearance"][0].get("datePublished") == published


def test_a_time_that_nothing_confirms_is_no_date_of_publication() -> None:
    found = stated(NOON, 1.0, compared=False)
    assert "datePublished" not in json.dumps(claim_graph([found], ""))
    [post] = [one for one in misp_event(case(Profile.INTERNAL), [found])["Event"]["Object"] if one["name"] == "microblog"]
    assert "never compared with a published time" in post["comment"] and "creation-date" not in json.dumps(post)


def test_misp_gives_a_coarse_time_of_posting_as_its_bounds_and_never_as_a_moment() -> None:
    """An attribute of the type `datetime` has no precision: noon of a day would read as a moment."""

    def post(found: Shown) -> tuple[str, list[str]]:
        objects = misp_event(case(Profile.INTERNAL), [found])["Event"]["Object"]
        [one] = [one for one in objects if one["name"] == "microblog"]
        return one["comment"], [part["value"] for part in one["Attribute"] if part["object_relation"] == "creation-date"]

    bounds = "2024-06-07T00:00:00.000Z and 2024-06-08T00:00:00.000Z"
    assert post(stated(NOON, 43_200.0)) == (f"C-1/F-1. Posted between {bounds} (displayed): no exact time is known", [])
    assert post(stated(NOON, 1.0)) == ("C-1/F-1", ["2024-06-07T12:00:00.000Z"])
    assert "2024-06-07T12:00" not in json.dumps(misp_event(case(Profile.INTERNAL), [stated(NOON, 60.0)]))


def test_a_withdrawn_capture_is_said_to_be_one_and_is_no_archive() -> None:
    finding = replace(confirmed(1, ad_library_capture="cd" * 32), withdrawn={f"{1:064x}": AT, "ef" * 32: AT})
    told_one = [shown(finding, Profile.INTERNAL)]
    appearance = claim_graph(told_one, "https://archive.example/{capture}")["@graph"][0]["appearance"][0]
    assert appearance["archivedAt"] == ["https://archive.example/" + "cd" * 32]
    event = misp_event(case(Profile.INTERNAL), told_one)["Event"]
    assert "withdrawn from the case of findings that are confirmed still: C-1/F-1" in event["Attribute"][0]["value"]
    evidence = [one["Attribute"] for one in event["Object"] if one["name"] == "forensic-evidence"]
    comments = {one[1]["value"]: one[-1]["value"].endswith("it was withdrawn from the case") for one in evidence}
    assert comments == {f"{1:064x}": True, "cd" * 32: False}
    [incident] = [one for one in stix_bundle(case(Profile.INTERNAL), told_one)["objects"] if one["type"] == "incident"]
    told_all = json.dumps(stix_bundle(case(Profile.INTERNAL), told_one))
    assert f"{1:064x} (withdrawn from the case)" in told_all and f"{'cd' * 32} (withdrawn" not in told_all
    assert [one.get("captures_withdrawn") for one in incident["extensions"].values()] == [[f"{1:064x}"]]
    assert "withdrawn" not in json.dumps(misp_event(case(Profile.INTERNAL), told(Profile.INTERNAL)))


HIDDEN = {
    Profile.AUTHORITY: ("Author", "Reviewer", "somebody"),
    Profile.PUBLIC: (
        "Author",
        "Reviewer",
        "somebody",
        "Here",
        "1735765521595875777",
        "https://x.example",
        "Propaganda on the eve",
        "Stačilo",
    ),
}


@pytest.mark.parametrize(("profile", "secret"), [(profile, word) for profile, words in HIDDEN.items() for word in words])
def test_no_exchange_format_tells_more_than_the_profile(profile: Profile, secret: str) -> None:
    made: list[Any] = [
        stix_bundle(case(profile), told(profile)), misp_event(case(profile), told(profile)), claim_graph(told(profile), ""),
    ]  # fmt: skip
    assert [secret in json.dumps(one, ensure_ascii=False) for one in made] == [False] * 3
    everything = json.dumps([stix_bundle(case(Profile.INTERNAL), told(Profile.INTERNAL))], ensure_ascii=False)
    assert secret in everything or secret == "somebody"  # what is looked for is there to be found; no format has who saw it


async def batches(count: int) -> AsyncIterator[list[ConfirmedFinding]]:
    one = confirmed(1)
    yield [one] * count


@pytest.mark.parametrize(("count", "code"), [(0, "no_findings"), (FINDINGS_LIMIT + 1, "too_many_findings")])
async def test_a_file_of_nothing_and_a_file_too_large_are_refused(count: int, code: str) -> None:
    with pytest.raises(ExportRefused) as refused:
        await all_shown(batches(count), Profile.INTERNAL)
    assert str(refused.value.data["reason"]).startswith(code)
