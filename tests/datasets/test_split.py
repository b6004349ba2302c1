import pytest

from medrecon.datasets.split import drawn_subjects, named_subjects
from medrecon.errors import InputError

PEOPLE = [f"p{i}" for i in range(40)]


def test_share_is_of_subjects_and_follows_the_seed():
    chosen = drawn_subjects(PEOPLE, 0.25, 3)
    assert len(chosen) == 10
    assert chosen == drawn_subjects(PEOPLE[::-1] * 3, 0.25, 3)
    assert chosen != drawn_subjects(PEOPLE, 0.25, 4)


def test_new_subjects_move_few_of_the_old():
    before, after = drawn_subjects(PEOPLE, 0.25, 0), drawn_subjects([*PEOPLE, "q1", "q2", "q3", "q4"], 0.25, 0)
    assert len(before - after) <= 3


def test_small_shares_hold_out_someone_only_if_asked():
    assert len(drawn_subjects(PEOPLE[:4], 0.1, 0)) == 1
    assert drawn_subjects(PEOPLE[:4], None, 0) == frozenset()
    assert drawn_subjects(PEOPLE[:4], 0, 0) == frozenset()
    assert len(drawn_subjects(PEOPLE, None, 0)) == 4


def test_somebody_is_left_to_train_on():
    with pytest.raises(InputError, match="cannot be split"):
        drawn_subjects(["p1"], 0.5, 0)
    with pytest.raises(InputError, match="every subject"):
        named_subjects({"p1": {"a"}, "p2": {"a", "b"}}, ("a",))


def test_names_hold_out_whole_subjects():
    keys = {"p1": {"p1", "p1_T1", "site"}, "p2": {"p2", "p2_T1", "site"}, "p3": {"p3"}}
    assert named_subjects(keys, ("p1_T1",)) == {"p1"}
    assert named_subjects(keys, ("site",)) == {"p1", "p2"}
    with pytest.raises(InputError, match="p9 is no subject"):
        named_subjects(keys, ("p1", "p9"))
