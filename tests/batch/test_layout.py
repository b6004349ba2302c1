"""Workers, threads and devices that a machine gets unless the user says otherwise."""

import pytest
import torch

from medrecon.batch import layout
from medrecon.batch.layout import LARGE_GPU, Layout
from medrecon.errors import InputError

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture
def machine(monkeypatch):
    """Eight cores and two GPUs of as many bytes as it is called with."""

    def with_memory(size: int) -> None:
        monkeypatch.setattr(layout, "memory", lambda _: size)

    monkeypatch.setattr(layout, "cores", lambda: 8)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    return with_memory


def test_threads_of_the_cpu_never_follow_from_the_workers(machine) -> None:
    assert Layout.of(CPU) == Layout(("cpu",), 4, 1)
    assert Layout.of(CPU, workers=7) == Layout(("cpu",), 7, 1)
    assert Layout.of(CPU, threads=3) == Layout(("cpu",), 2, 3)


def test_large_gpus_have_two_workers_and_those_read_ahead(machine) -> None:
    machine(LARGE_GPU)
    found = Layout.of(CUDA)
    assert (found.devices, found.workers, found.threads) == (("cuda:0", "cuda:1"), 4, 2)
    assert found.ahead > 0
    assert Layout.of(torch.device("cuda:1")).devices == ("cuda:1",)
    machine(LARGE_GPU - 1)
    assert Layout.of(CUDA).workers == 2


@pytest.mark.parametrize("asked", [{"workers": 0}, {"threads": 0}])
def test_numbers_below_one_are_refused(machine, asked) -> None:
    with pytest.raises(InputError, match="give at least 1"):
        Layout.of(CPU, **asked)
