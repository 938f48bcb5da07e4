"""Search: the words of each organization's books, and under which merchant keys each is found.

A word that is mistyped is compared with these, which are few, and only then are transactions looked for, by an index
that they have already: an import writes the words that are new to an organization, and no further index of its rows.
Nothing here has to pass row-level security.
"""

from alembic import op
from sqlalchemy import text

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    cursor = op.get_bind().connection.cursor()
    cursor.execute("create extension if not exists fuzzystrmatch")
    for statements in (TEXTS, WORDS, KEEPING):
        cursor.execute(statements)
    # Others write as soon as the triggers are there; what was written before follows, one organization at a time.
    with op.get_context().autocommit_block():
        _in_a_moment(TRIGGERS)
        for table in TABLES:
            _in_a_moment(f"create policy words on {table} to ai2_owner using (true) with check (true)")
        connection = op.get_bind()
        for (organization_id,) in connection.execute(text(ORGANIZATIONS)).all():
            connection.exec_driver_sql(COLLECT, {"organization_id": organization_id})
            connection.exec_driver_sql(f"{INTO_WORDS.format(words='words_before')}; drop table words_before")
        for table in TABLES:
            _in_a_moment(f"drop policy words on {table}")


def downgrade() -> None:
    op.get_bind().connection.cursor().execute(
        """
        drop trigger words_of_inserts on books.transactions;
        drop trigger words_of_updates on books.transactions;
        drop trigger texts_change on books.transactions;
        drop function books.keep_words, books.note_that_texts_change;
        drop table books.search_words, books.search_word_keys;
        drop function books.words_of, books.plain;
        drop extension fuzzystrmatch
        """
    )


def _in_a_moment(statements: str) -> None:
    """Wait for the table's lock for half a second at a time, so that nobody has to wait behind us for longer."""
    op.get_bind().exec_driver_sql(
        f"""
        do $do$
        begin
            for attempt in 1..600 loop
                begin
                    set local lock_timeout = '500ms';
                    {statements};
                    return;
                exception when lock_not_available then
                    perform pg_sleep(0.5);
                end;
            end loop;
            raise lock_not_available using message = 'books.transactions is locked by others; try again later';
        end $do$
        """
    )


TEXTS = r"""
-- A text as it is searched: case, accents, and letters that are written in two ways count for nothing.
create function books.plain(said text) returns text language sql immutable parallel safe return
    case when octet_length(said) = length(said) then lower(said)
    else replace(replace(replace(translate(
        lower(normalize(regexp_replace(normalize(said, nfkd), '[\u0300-\u036f]', '', 'g'), nfc)),
        'øłđðħıς', 'olddhiσ'), 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe')
    end;

-- Its words: runs of letters, at most 60 of them.
create function books.words_of(said text) returns setof text language sql immutable parallel safe
begin atomic
    select left(word, 60) from regexp_split_to_table(books.plain(said), '[^[:alpha:]]+') as word where word <> '';
end;
"""

WORDS = """
create table books.search_words (
    organization_id uuid not null references identity.organizations,
    word text not null,
    primary key (organization_id, word)
);

-- What had a word once may have lost it: who asks looks at the transactions themselves.
create table books.search_word_keys (
    organization_id uuid not null references identity.organizations,
    word text not null,
    merchant_key text not null,
    primary key (organization_id, word, merchant_key)
);

call identity.protect(array['books.search_words', 'books.search_word_keys']::regclass[]);
grant select, insert, update, delete on books.search_words, books.search_word_keys to ai2_api, ai2_pipeline;
"""

# Numbers are no words, and without them most texts of a statement are the same few; notes and tags few rows have.
# Those at the end, where most are, go first and as bytes, in a third of the time that letters take.
DIGITS = r"'\x30313233343536373839'::bytea"
TEXTS_OF = f"""
    select distinct
        organization_id, merchant_key,
        translate(convert_from(told, 'UTF8'), '0123456789', '          ') || coalesce(' ' || merchant, '') as said
    from (
        select distinct
            organization_id, merchant_key, merchant, rtrim(convert_to(description, 'UTF8'), {DIGITS}) as told
        from {{rows}}
    ) as beginnings
    union
    select organization_id, merchant_key, coalesce(notes, '') || ' ' || array_to_string(tags, ' ')
    from {{rows}}
    where notes is not null or cardinality(tags) > 0
"""
ADDED, REMOVED = TEXTS_OF.format(rows="added"), TEXTS_OF.format(rows="removed")
WORDS_OF = """
    select distinct organization_id, word, merchant_key
    from ({texts}) as texts
    cross join lateral books.words_of(said) as word
"""
# always in the same order, so that two writers never wait for each other
INTO_WORDS = """
    with kept as (
        insert into books.search_words (organization_id, word)
        select distinct organization_id, word from {words} order by organization_id, word
        on conflict do nothing
    )
    insert into books.search_word_keys (organization_id, word, merchant_key)
    select organization_id, word, merchant_key from {words} order by organization_id, word, merchant_key
    on conflict do nothing
"""
# Row-level security holds for their owner too, who fills the words.
TABLES = ("books.transactions", "books.search_words", "books.search_word_keys")
ORGANIZATIONS = "select distinct organization_id from books.transactions"
OF_ONE = "(select * from books.transactions where organization_id = %(organization_id)s) as written"
COLLECT = f"""
    create temporary table words_before as
    {WORDS_OF.format(texts=TEXTS_OF.format(rows=OF_ONE))}
"""


def _keep(texts: str) -> str:
    return f"with words as materialized ({WORDS_OF.format(texts=texts)}), {INTO_WORDS.strip().removeprefix('with')}"


KEEPING = f"""
-- A statement that writes no texts, as when a million rows get their categories, says so by not having come here.
create function books.note_that_texts_change() returns trigger language plpgsql set search_path = '' as $$
begin
    perform set_config('app.texts_change', 'yes', true);
    return null;
end $$;

create function books.keep_words() returns trigger language plpgsql set search_path = '' as $$
begin
    if tg_op = 'INSERT' then
        {_keep(ADDED).format(words="words")};
    elsif current_setting('app.texts_change', true) = 'yes' then
        perform set_config('app.texts_change', '', true);
        {_keep(f"({ADDED}) except ({REMOVED})").format(words="words")};
    end if;
    return null;
end $$;
"""
TRIGGERS = """
    create trigger words_of_inserts after insert on books.transactions
        referencing new table as added for each statement execute function books.keep_words();
    create trigger texts_change before update of description, merchant, merchant_key, notes, tags on books.transactions
        for each statement execute function books.note_that_texts_change();
    create trigger words_of_updates after update on books.transactions
        referencing old table as removed new table as added for each statement execute function books.keep_words()
"""
