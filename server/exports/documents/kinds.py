"""The documents as kinds of exports: each is made of the object that a person's form froze."""

import asyncio
from collections.abc import Mapping

from server.exports.documents.alert import alert_files
from server.exports.documents.files import Files, pack, printed
from server.exports.documents.notice import notice_files
from server.exports.documents.rapid import rapid_files
from server.exports.kind import ExportKind, Form, Making
from server.exports.profiles import Profile

ANYBODY = frozenset(Profile)
PLATFORMS = frozenset({Profile.PLATFORM})


def document(name: str, files: Files, form: Form, profiles: frozenset[Profile], formats: tuple[str, ...]) -> ExportKind:
    """A kind whose zip holds the files that `files` makes of the canonical text. Blocking work goes to a thread."""

    async def write(making: Making) -> Mapping[str, int]:
        await asyncio.to_thread(lambda: pack(printed(files, making.row.content), making.path))
        return {}

    return ExportKind(name, profiles, formats, form, write)


ALERT = document("alert", alert_files, Form("alert"), ANYBODY, ("PDF", "HTML", "JSON"))
DSA_NOTICE = document("dsa_notice", notice_files, Form("notices/dsa_notice"), PLATFORMS, ("PDF", "text", "JSON"))
POLICY_REPORT = document("policy_report", notice_files, Form("notices/policy_report"), PLATFORMS, ("PDF", "text", "JSON"))
RAPID = document("rrs", rapid_files, Form("rapid"), PLATFORMS, ("PDF", "text", "JSON", "CSV"))
