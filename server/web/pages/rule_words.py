"""What rules, territories and elections are called where a page shows them: their ids stand in the files."""

from server.rules.catalogue import shipped


def territory_name(code: str, rule_id: str) -> str:
    """`Mainland France` for `FR-MET` of `FR-L49`; the code where the shipped rules do not (or no longer) have it."""
    rule = shipped().silence.get(rule_id)
    return next((one.name for one in rule.territories if one.code == code), code) if rule else code


def election_name(election_id: str) -> str:
    """`Assemblée nationale 2024, second round`; the id where the shipped elections do not (or no longer) have it."""
    election = shipped().elections.get(election_id)
    return election.title if election else election_id
