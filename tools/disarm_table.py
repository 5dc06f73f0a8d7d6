"""Writes server/rules/data/techniques.json: python tools/disarm_table.py, in an environment with the package pymispgalaxies
(1.1.1).

Taken from the misp-galaxy clusters disarm-techniques (version 2) and misinfosec-amitt-misinformation-pattern (version 4)
under their
CC0-1.0 option: ids, names, tactics, no descriptions. SUPPLEMENT and RENAMED are our own: ids and names of DISARM 1.6 that
findings
need, and what took the place of the 42 ids that 1.6 no longer has.
"""

import json
from importlib import resources
from pathlib import Path

TARGET = Path(__file__).resolve().parent.parent / "server" / "rules" / "data" / "techniques.json"
SUPPLEMENT = {
    "T0097": "Present Persona", "T0097.101": "Local Persona", "T0097.108": "Expert Persona",
    "T0097.110": "Party Official Persona",
    "T0097.111": "Government Official Persona", "T0097.202": "News Outlet Persona", "T0097.206": "Government Institution Persona",
    "T0143.001": "Authentic Persona", "T0143.002": "Fabricated Persona", "T0143.003": "Impersonated Persona",
    "T0143.004": "Parody Persona", "T0145.001": "Copy Account Imagery", "T0145.002": "AI-Generated Account Imagery",
    "T0146": "Account Asset", "T0146.005": "Lookalike Account ID", "T0146.007": "Automated Account Asset",
    "T0149.001": "Domain Asset", "T0149.003": "Lookalike Domain", "T0149.004": "Redirecting Domain Asset",
    "T0150.001": "Newly Created Asset", "T0150.005": "Compromised Asset", "T0150.008": "Bulk Created Asset",
    "T0151.001": "Social Media Platform", "T0151.002": "Online Community Group", "T0151.003": "Online Community Page",
    "T0151.004": "Chat Platform", "T0151.007": "Chat Broadcast Group", "T0151.009": "Legacy Online Forum Platform",
    "T0151.012": "Image Board Platform", "T0151.017": "Dating Platform", "T0152.001": "Blogging Platform",
    "T0152.004": "Website Asset", "T0152.006": "Video Platform", "T0152.007": "Audio Platform",
    "T0152.008": "Live Streaming Platform", "T0153.001": "Email Platform", "T0153.004": "QR Code Asset",
    "T0015.001": "Use Existing Hashtag", "T0015.002": "Create New Hashtag", "T0144": "Persona Legitimacy Evidence",
    "T0155.007": "Encrypted Communication Channel", "T0097.208": "Social Cause Persona", "T0129.001": "Conceal Network Identity",
}  # fmt: skip
RENAMED = {
    "T0007": ["T0151.002", "T0151.003"], "T0009": ["T0097.108"], "T0009.001": ["T0097.108"], "T0013": ["T0152.004"],
    "T0043": ["T0151.004"], "T0043.001": ["T0151.004", "T0155.007"], "T0043.002": ["T0151.004"], "T0090": ["T0146"],
    "T0090.001": ["T0146"], "T0090.002": ["T0146", "T0146.007"], "T0090.003": ["T0146.007"], "T0090.004": ["T0146", "T0143.002"],
    "T0097.001": ["T0144"], "T0099": ["T0143.003"], "T0099.002": ["T0143.003", "T0143.004"], "T0099.003": ["T0143.003"],
    "T0099.004": ["T0143.003", "T0097.202"], "T0099.005": ["T0143.003", "T0097.111"], "T0099.006": ["T0143.003"],
    "T0103": ["T0152.008"], "T0103.001": ["T0152.008"], "T0103.002": ["T0152.008"], "T0104": ["T0151.001"],
    "T0104.001": ["T0151.001"], "T0104.002": ["T0151.017"], "T0104.003": ["T0151.001"], "T0104.004": ["T0151.001"],
    "T0104.005": ["T0015.001"], "T0104.006": ["T0015.002"], "T0105": ["T0152.006", "T0152.007"], "T0105.001": [],
    "T0105.002": ["T0152.006"], "T0105.003": ["T0152.007"], "T0106": ["T0151.009"], "T0106.001": ["T0151.012"],
    "T0108": ["T0152.001"], "T0112": ["T0153.001"], "T0129.008": ["T0149.004"], "T0141": ["T0150.005"],
    "T0141.001": ["T0146", "T0150.005"], "T0141.002": ["T0152.004", "T0150.005"], "T0142": ["T0097.208", "T0143.002"],
}  # fmt: skip


def rows(cluster: str, framework: str, version: str) -> list[list[str]]:
    """[framework, version, id, name, tactics joined by |] of a galaxy cluster, by id."""
    clusters = resources.files("pymispgalaxies") / "data" / "misp-galaxy" / "clusters"
    values = json.loads((clusters / cluster).read_text("utf-8"))["values"]
    made = []
    for one in values:
        phases = one["meta"].get("kill_chain", [])
        tactics = "|".join(phase.split(":", 1)[-1] for phase in phases)
        made.append([framework, version, one["meta"]["external_id"], one["value"].strip(), tactics])
    return sorted(made, key=lambda row: row[2])


def main() -> None:
    """Writes the table, one technique a line."""
    techniques = [
        *rows("disarm-techniques.json", "DISARM", "misp-galaxy v2"),
        *rows("misinfosec-amitt-misinformation-pattern.json", "AMITT", "misp-galaxy v4"),
        *([["DISARM", "1.6", technique_id, name, ""] for technique_id, name in sorted(SUPPLEMENT.items())]),
    ]
    sources = [
        "misp-galaxy (CC0-1.0 option), clusters disarm-techniques v2 and misinfosec-amitt-misinformation-pattern v4",
        "Ids and names of DISARM Red Framework 1.6, DISARM Foundation, CC BY-SA 4.0",
    ]
    lines = ",\n".join("  " + json.dumps(row, ensure_ascii=False) for row in techniques)
    head = json.dumps(sources, ensure_ascii=False)
    TARGET.write_text(
        f'{{"sources": {head},\n "techniques": [\n{lines}\n ],\n "renamed": {json.dumps(RENAMED, sort_keys=True)}}}\n', "utf-8"
    )


if __name__ == "__main__":
    main()
