# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets: hidden in what others wrote, and known again by a fingerprint."""

from __future__ import annotations

import pytest
from ansible_collections.huntaze.ai_system.plugins.module_utils._plan import MASK
from ansible_collections.huntaze.ai_system.plugins.module_utils._secrets import ITERATIONS, fingerprint, is_of, masked
from hypothesis import example, given
from hypothesis import strategies as st


def test_a_fingerprint_is_salted_and_known_again():
    first, second = fingerprint("a token"), fingerprint("a token")
    assert first != second and fingerprint("a token", first.split("/")[0]) == first
    assert is_of(first, "a token") and not is_of(first, "another")
    assert ITERATIONS >= 600_000 and "a token" not in first


@example(secret="\\'", before="", after="")
@given(st.text("abc'\\\n", min_size=1, max_size=6), st.text("xyz ", max_size=9), st.text("xyz ", max_size=9))
def test_no_secret_is_left_in_a_text_as_it_is_or_as_python_quotes_it(secret, before, after):
    for quoted in (secret, repr(secret)[1:-1]):
        found = masked(f"{before}{quoted}{after}", [None, "", secret])
        assert found.startswith(f"{before}{MASK}") and found.endswith(f"{MASK}{after}")
        assert secret not in found and repr(secret)[1:-1] not in found


@pytest.mark.parametrize("hidden", [["canary", "canary-longer"], ["canary-longer", "canary"]])
def test_of_two_secrets_the_longer_one_is_hidden_whole(hidden):
    assert masked("it is canary-longer", hidden) == f"it is {MASK}"


def test_what_is_too_short_to_be_a_secret_stays():
    assert masked("a port: 6379", ["63", "6379"], shortest=4) == f"a port: {MASK}"
    assert masked("nothing of it", ["canary"]) == "nothing of it"
