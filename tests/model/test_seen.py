"""The keys that a model learned from can be recognised, and not read."""

import numpy as np

from playbill.model.seen import digests, is_seen, seen


def test_a_key_that_was_trained_on_is_recognised_whatever_the_order() -> None:
    table = seen(["b", "a", "c", "a"])
    assert len(table) == 3
    assert table["key"].is_monotonic_increasing
    assert table.equals(seen(["c", "b", "a"]))
    assert is_seen(["d", "a", "c"], table).tolist() == [False, True, True]


def test_a_digest_is_the_first_64_bits_of_sha_256() -> None:
    assert digests(["abc"]).tolist() == [0xBA7816BF8F01CFEA]
    assert digests([7]).tolist() == digests(["7"]).tolist()
    assert digests([]).dtype == np.uint64
