"""Windows by name and by centre and width."""

import pytest
import torch

from medrecon.errors import InputError
from medrecon.io.hounsfield_window import WINDOWS, window_of


@pytest.mark.parametrize(
    ("text", "ends"), [("50/400", (-150, 250)), ("-600/1500", (-1350, 150)), ("40/0.5", (39.75, 40.25))]
)
def test_centre_and_width_in_hu(text, ends):
    window = window_of(text)
    assert window.ends == ends
    assert window(torch.tensor([-5000.0, ends[0], ends[1], 5000.0])).tolist() == [0, 0, 1, 1]


def test_names_are_radiologists():
    assert window_of("lung") is WINDOWS["lung"]
    assert WINDOWS["soft-tissue"].ends == (-150, 250)


@pytest.mark.parametrize("text", ["wide", "50/0", "50/-400", "50", "/400", "50/400/2", ""])
def test_what_is_no_window_is_one_line(text):
    with pytest.raises(InputError, match=r"is no window.*such as 50/400") as error:
        window_of(text)
    assert "\n" not in str(error.value)
