"""The three blob stores, and a folder that is one file system with its spool."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from storage.blobs import BlobStore
from storage.local import LocalBlobStore
from storage.memory import MemoryBlobStore
from storage.s3 import S3BlobStore
from tests.seaweed import BUCKET, Seaweed, seaweed

__all__ = ["seaweed"]


@pytest.fixture(params=["memory", "local", pytest.param("seaweedfs", marks=pytest.mark.seaweedfs)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    """Every adapter in turn; SeaweedFS with Object Lock, as the application user."""
    makers: dict[str, Callable[[], BlobStore]] = {
        "memory": MemoryBlobStore,
        "local": lambda: LocalBlobStore(tmp_path / "blobs"),
        "seaweedfs": lambda: S3BlobStore(_seaweed(request).client(), BUCKET, retention_days=1),
    }
    return makers[request.param]()


@pytest.fixture
def organisation() -> str:
    """An organisation of the test's own: stores that outlive a test stay empty for the next one."""
    return f"org-{uuid4().hex}"


def _seaweed(request: pytest.FixtureRequest) -> Seaweed:
    return request.getfixturevalue("seaweed")
