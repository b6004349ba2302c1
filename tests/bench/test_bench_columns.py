"""Slices as columns on disk, and back."""

import json

import pytest

from medrecon.bench.columns import packed, unpacked

SCORES = [{"psnr": 30.1, "ssim": 0.9}, {"psnr": None, "ssim": 0.8}]


def test_columns_hold_what_the_slices_held() -> None:
    row = {"method": "tv", "slices": SCORES}
    assert packed(row) == {"method": "tv", "slices": {"psnr": [30.1, None], "ssim": [0.9, 0.8]}}
    assert unpacked(json.loads(json.dumps(packed(row)))) == row
    assert row["slices"] is SCORES


@pytest.mark.parametrize("slices", [None, [], [{"psnr": 1.0}, {"ssim": 0.5}], [1.5, 2.5]])
def test_what_is_no_table_of_scores_stays(slices) -> None:
    row = {"slices": slices}
    if slices != [1.5, 2.5]:
        assert packed(row) == row
    assert unpacked(row) == row
    assert unpacked({"method": "tv"}) == {"method": "tv"}
