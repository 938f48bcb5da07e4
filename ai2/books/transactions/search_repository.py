"""Every query of the search: what words mean in an organization's books."""

from typing import Any
from uuid import UUID

from psycopg.rows import DictRow

from ai2.kit.database import Connection, one, rows

# More merchants than this are not looked up one by one.
MOST_KEYS = 500
RARE_WORDS = 5
# Up to so many rows are fetched by their merchants and then sorted; more are met soon in any order.
FEW_ROWS = 2000


async def understand(db: Connection, organization_id: UUID, tokens: list[str]) -> list[DictRow]:
    """Each token as it is searched and, where it is made of words, for each of them those that have it, and those near.

    One or two letters are how a word begins, more may stand anywhere in it. The nearest come first. A word that few
    others have is compared with all: those few may be in the books no more.
    """
    query = """
        with tokens as materialized (
            select
                token.place, books.plain(token.said) as plain,
                case when books.plain(token.said) ~ '[[:digit:]]' then '{}'
                    else array(select books.words_of(token.said)) end as words
            from unnest(%(tokens)s::text[]) with ordinality as token (said, place)
        )
        select
            tokens.place - 1 as token, tokens.plain, wanted.word, known.words as known,
            case when cardinality(known.words) > %(rare)s then '[]' else (
                select coalesce(jsonb_agg(jsonb_build_array(near.word, near.far) order by near.far, near.word), '[]')
                from (
                    select word, levenshtein_less_equal(word, wanted.word, wanted.farthest) as far
                    from books.search_words
                    where organization_id = %(organization_id)s
                ) as near
                where near.far between 1 and wanted.farthest and strpos(near.word, wanted.word) = 0
            ) end as near
        from tokens
        left join lateral (
            select
                word, place, length(word) < 3 and octet_length(word) = length(word) as is_short,
                case when length(word) < 3 then 0 when length(word) < 10 then 2 else 3 end as farthest
            from unnest(tokens.words) with ordinality as word (word, place)
        ) as wanted on true
        left join lateral (
            select array(
                select word from books.search_words
                where organization_id = %(organization_id)s and case
                    when wanted.is_short then starts_with(word, wanted.word)
                    -- what was too long to be kept whole may have it
                    else strpos(word, wanted.word) > 0 or length(word) = 60
                end
                limit %(most)s + 1
            ) as words
        ) as known on true
        order by tokens.place, wanted.place
    """
    known = {"organization_id": organization_id, "tokens": tokens, "most": MOST_KEYS, "rare": RARE_WORDS}
    return await rows(db, query, known)


async def keys_of(db: Connection, organization_id: UUID, words: list[str]) -> list[str] | None:
    """The merchants that have, or once had, one of these words; none where they are too many."""
    query = """
        select distinct merchant_key from books.search_word_keys
        where organization_id = %(organization_id)s and word = any(%(words)s)
        limit %(most)s + 1
    """
    found = await rows(db, query, {"organization_id": organization_id, "words": words, "most": MOST_KEYS})
    return [row["merchant_key"] for row in found] if len(found) <= MOST_KEYS else None


async def stands(db: Connection, organization_id: UUID, keys: list[str], condition: str, known: dict[str, Any]) -> bool:
    """Whether a transaction of these merchants meets the condition."""
    query = f"""
        select 1 as found from books.transactions
        where organization_id = %(organization_id)s and merchant_key = any(%(keys)s) and deleted_at is null
            and {condition}
        limit 1
    """
    return await one(db, query, {**known, "organization_id": organization_id, "keys": keys}) is not None


async def are_few(db: Connection, organization_id: UUID, keys: list[str]) -> bool:
    """Whether these merchants have no more transactions than are fetched at once."""
    query = """
        select count(*) as rows from (
            select from books.transactions
            where organization_id = %(organization_id)s and merchant_key = any(%(keys)s) and deleted_at is null
            limit %(few)s + 1
        ) as counted
    """
    found = await one(db, query, {"organization_id": organization_id, "keys": keys, "few": FEW_ROWS})
    return found is not None and int(found["rows"]) <= FEW_ROWS
