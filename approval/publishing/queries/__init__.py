"""Questions about publishing; the answers are frozen facts."""

from approval.publishing.queries.feeds import FeedPage as FeedPage, feed_page as feed_page, public_media as public_media
from approval.publishing.queries.publications import (
    AttemptFacts as AttemptFacts,
    PublicationFacts as PublicationFacts,
    publications_of as publications_of,
    standing_of as standing_of,
)
from approval.publishing.queries.stops import (
    InFlight as InFlight,
    StopFacts as StopFacts,
    StopsPage as StopsPage,
    active_stops as active_stops,
    halts as halts,
    in_flight as in_flight,
    is_stopped as is_stopped,
    stops_page as stops_page,
)
