"""What the image services may refuse."""

from server.errors import ServiceError


class PictureRefused(ServiceError):
    """The bytes sent to search with give no picture. data: outcome (as an image's outcome), reason."""

    code = "picture_refused"


class ClusterEnded(ServiceError):
    """The cluster's images stand in another cluster now. data: cluster_id, into_id."""

    code = "cluster_ended"


class DecisionRefused(ServiceError):
    """The decision would change nothing, or names images that are not in the cluster. data: reason."""

    code = "decision_refused"


class NotIndexed(ServiceError):
    """The capture's pictures were not read yet by the present pipeline: nothing can be said of them. data: capture_id."""

    code = "not_indexed"
