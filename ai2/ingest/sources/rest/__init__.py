"""REST: any third party's API with transactions in JSON, described by a mapping and by nothing else.

mapping.py says what can be described, calls.py how it is asked, paging.py how pages follow, rows.py what is made of a
row, fetching.py what a run is.
"""

from ai2.ingest.sources.model import Limit, Source
from ai2.ingest.sources.rest import fetching, mapping

SOURCE = Source(
    name="rest",
    title="REST API",
    kind="third_party",
    way="credentials",
    settings=mapping.SETTINGS,
    credentials=mapping.CREDENTIALS,
    connect=fetching.connect,
    pages=fetching.pages,
    # nobody's own limit, which is not known: that of a guest who behaves
    servers=frozenset({"url", "auth"}),
    limit=Limit(120, 60),
    can=frozenset({"transactions", "one_account", "backfill"}),
)
