"""How Temporal shows users."""

from __future__ import annotations

import pytest
from support.keys import BOTH, KEYRING, ROTATED

from perdure import ConfigError
from perdure.contracts.keyring import Keyring
from perdure.contracts.shown_users import ShownUsers
from perdure.contracts.wire_thread import Submission

PLAIN, K1, K2 = ShownUsers("hashed"), ShownUsers("hashed", KEYRING), ShownUsers("hashed", ROTATED)


@pytest.mark.parametrize("users", [ShownUsers(), ShownUsers("clear", KEYRING)], ids=["no keys", "keys"])
def test_as_they_are(users: ShownUsers) -> None:
    assert (users("ann"), users(None)) == ("ann", None)
    assert users.query('a"\\n') == 'UserId IN ("a\\"\\\\n")'


def test_hashed_each_is_another_and_always_the_same() -> None:
    shown = [users(user) for users in (PLAIN, K1, K2) for user in ("ann", "bob")]
    assert len({*shown, "ann", "bob"}) == 8
    assert [len(one or "") for one in shown] == [32] * 6
    assert K1("ann") == ShownUsers("hashed", Keyring("k1", {"k1": BOTH["k1"]}))("ann")
    assert K1(None) is None


def test_after_a_rotation_the_query_has_what_was_shown_before() -> None:
    assert K2.all_of("ann") == (K2("ann"), K1("ann"))
    assert K2.query("ann") == f'UserId IN ("{K2("ann")}", "{K1("ann")}")'
    assert K1.all_of("ann") == (K1("ann"),)


def test_not_at_all() -> None:
    users = ShownUsers("omitted", KEYRING)
    assert users("ann") is None
    with pytest.raises(ConfigError, match=r"temporal\.user_ids is `omitted`"):
        users.query("ann")


@pytest.mark.parametrize(("shown", "attribute"), [(None, "ann"), ("", None), ("x1", "x1")])
def test_what_a_submission_says_of_it(shown: str | None, attribute: str | None) -> None:
    assert Submission(run_id="r", assistant_id="g", user_id="ann", shown_user=shown).user_attribute == attribute
