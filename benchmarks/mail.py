"""What it takes to fetch a mailbox: 1,000 mails of 100 kB from a real Dovecot, over TLS, until each is kept and read.

    python -m benchmarks.mail [mails] [bytes]

A mail has a page, and an attachment that makes it as large. Kept: fetched, told from its twins, encrypted, and in the
books' database with the cursor behind it. Read: taken apart, and its parts looked at. The mark: kept within 60 s.
"""

import asyncio
import os
import resource
import sys
import time

from benchmarks.books_of_many import throwaway
from tests.connections import dovecot
from tests.connections.letters import letter

MAILS, BYTES, MOST_S = 1_000, 100_000, 60


async def main(mails: int, size: int) -> None:
    from ai2.connections import mailing, service, syncing
    from ai2.identity import organizations
    from ai2.kit import outside
    from ai2.kit.database import Database
    from ai2.kit.settings import settings
    from ai2.receipts.mails import service as kept

    with dovecot.running() as server:
        trusting = server.authority.trusting()
        outside.trusted = lambda: trusting  # type: ignore[assignment]
        settings().connect_private = True
        for number in range(mails):
            attached = {"receipt.pdf": b"%PDF-1.7\n" + os.urandom(size * 3 // 4 - 1_500)}
            raw = letter(number=number, html="<p>Total: 12.50 GBP</p>" * 20, attached=attached)
            server.put("ana", raw, name=f"{number:06}.M1.test")
        async with Database() as database:
            async with database.transaction() as db:
                who = (await organizations.create(db, name="Mail", base_currency="GBP")).organization_id
            known, _ = await service.connect(
                database, who, provider="imap", kind="email", name="Post", settings=server.settings("ana"),
                secret={"password": dovecot.PASSWORD}, created_by="benchmark",
            )  # fmt: skip
            began, work = time.perf_counter(), time.process_time()
            await syncing.sync(database, who, known.connection_id, trigger="connect")
            fetched, work = time.perf_counter() - began, time.process_time() - work
            await mailing.read_waiting(database, who)
            read = time.perf_counter() - began - fetched
            async with database.transaction(who) as db:
                there = await kept.count(db, who)
    assert there == mails, there
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1000
    is_met = "met" if fetched <= MOST_S else "short"
    print(f"{mails:,} mails of {size:,} bytes kept in {fetched:.1f} s (mark {MOST_S} s: {is_met})")
    print(f"of which {work:.1f} s were work; read in {read:.1f} s more; at most {peak_mb} MB")


if __name__ == "__main__":
    with throwaway():
        asyncio.run(main(*([int(each) for each in sys.argv[1:]] or [MAILS, BYTES])))
