"""Ids by the million are the same kind of ids as those made one by one."""

import time
from uuid import RFC_4122, UUID

import pyarrow.compute as pc

from ai2.kit.ids import new_id, new_ids


def test_they_are_of_version_7_and_bear_the_time() -> None:
    before_ms = time.time_ns() // 1_000_000
    texts = new_ids(1000).to_pylist()
    ids = [UUID(text) for text in texts]
    after_ms = time.time_ns() // 1_000_000
    assert {(one.version, one.variant) for one in ids} == {(7, RFC_4122)}
    assert all(before_ms <= one.int >> 80 <= after_ms for one in ids)
    assert [str(one) for one in ids] == texts


def test_a_million_are_in_order_and_no_two_alike() -> None:
    ids = new_ids(1_000_000)
    assert len(ids) == 1_000_000
    assert pc.all(pc.less(ids[:-1], ids[1:])).as_py()


def test_no_two_calls_give_the_same_nor_guessable_ids() -> None:
    one, other = new_ids(10_000).to_pylist(), new_ids(10_000).to_pylist()
    assert not set(one) & set(other)
    assert len({text[-10:] for text in one}) == 10_000  # the last 40 bits are random


def test_later_ids_sort_after_earlier_ones() -> None:
    before = str(new_id())
    time.sleep(0.002)
    among = new_ids(3).to_pylist()
    time.sleep(0.002)
    assert [before, *among] == sorted([before, *among])
    assert among[-1] < str(new_id())


def test_none_are_none() -> None:
    assert new_ids(0).to_pylist() == []
