from curation.recipe.scoring import holdout


def test_a_fifth_is_held_out_and_never_moves():
    keys = [f"{at:064x}" for at in range(5000)]
    out = [key for key in keys if holdout.held_out(key)]
    assert 900 < len(out) < 1100
    assert [key for key in reversed(keys) if holdout.held_out(key)] == out[::-1]


def test_the_split_is_the_same_on_every_machine_and_in_every_version():
    assert "".join(filter(holdout.held_out, "abcdefghijklmnopqrstuvwxyz")) == "ijou"


def test_a_larger_share_holds_out_what_a_smaller_one_did():
    keys = [str(at) for at in range(1000)]
    assert {key for key in keys if holdout.held_out(key, 0.1)} < {
        key for key in keys if holdout.held_out(key, 0.3)
    }


def test_folds_keep_equal_keys_together_and_are_of_one_size():
    keys = [str(at // 3) for at in range(300)]
    folds = holdout.folds(keys, 5)
    assert all(len({folds[at], folds[at + 1], folds[at + 2]}) == 1 for at in range(0, 300, 3))
    assert sorted(set(folds)) == [0, 1, 2, 3, 4]
    assert all((folds == fold).sum() == 60 for fold in range(5))
