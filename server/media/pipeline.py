"""Which program made a code: stored with every code, so that codes of two pipelines are never compared as one.

The number changes when a step changes its result: decoding, frame, hashes, regions, features. The golden vectors of the tests
fail when a library changes a result by itself; then this number changes too, and what was counted with the old one stays counted.
The rules' number changes when the same codes would be judged or grouped differently: votes, overlay, thresholds, clusters.
"""

from importlib.metadata import version

PIPELINE = "holdstill-image/1"
RULES = "holdstill-image-rules/7"
_MAKERS = ("pillow", "imagehash", "numpy", "opencv-python-headless")


def pipeline_id() -> str:
    """The pipeline and the versions of the libraries that shape its results: `holdstill-image/1 pillow=13.0.0 …`."""
    return " ".join([PIPELINE, *(f"{name}={version(name)}" for name in _MAKERS)])


def rules_id() -> str:
    """What shaped a judgement or a partition: the pipeline and the rules."""
    return f"{RULES} {pipeline_id()}"
