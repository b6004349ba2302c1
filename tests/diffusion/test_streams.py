import numpy as np
import pytest
import torch

from medrecon.diffusion.streams import Streams, threefry2x32

# Known answers of Threefry-2x32 published with the Random123 library: rounds, counter, key, result.
KNOWN = [
    (20, (0, 0), (0, 0), (0x6B200159, 0x99BA4EFE)),
    (20, (0xFFFFFFFF, 0xFFFFFFFF), (0xFFFFFFFF, 0xFFFFFFFF), (0x1CB996FC, 0xBB002BE7)),
    (20, (0x243F6A88, 0x85A308D3), (0x13198A2E, 0x03707344), (0xC4923A9C, 0x483DF7A0)),
    (13, (0, 0), (0, 0), (0x9D1C5EC6, 0x8BD50731)),
]


def words(values):
    return tuple(torch.tensor(np.array([v], np.uint32).view(np.int32)) for v in values)


def unsigned(words_):
    return tuple(int(w.numpy().view(np.uint32)[0]) for w in words_)


def reference(key, counter, rounds):
    """Threefry-2x32 on Python's own integers."""
    m = 0xFFFFFFFF
    ks = [key[0], key[1], key[0] ^ key[1] ^ 0x1BD11BDA]
    x, y = (counter[0] + ks[0]) & m, (counter[1] + ks[1]) & m
    for i in range(rounds):
        r = [13, 15, 26, 6, 17, 29, 16, 24][i % 8]
        x = (x + y) & m
        y = (((y << r) & m) | (y >> (32 - r))) ^ x
        if i % 4 == 3:
            n = i // 4 + 1
            x, y = (x + ks[n % 3]) & m, (y + ks[(n + 1) % 3] + n) & m
    return x, y


@pytest.mark.parametrize(("rounds", "counter", "key", "answer"), KNOWN)
def test_threefry_gives_the_published_answers(rounds, counter, key, answer):
    assert unsigned(threefry2x32(words(key), words(counter), rounds)) == answer


@pytest.mark.parametrize("rounds", [13, 20])
def test_threefry_agrees_with_integers_on_random_keys(rounds):
    rng = np.random.default_rng(rounds)
    for key, counter in rng.integers(0, 2**32, (50, 2, 2)).tolist():
        assert unsigned(threefry2x32(words(key), words(counter), rounds)) == reference(key, counter, rounds)


def test_normals_have_unit_variance_per_real_component():
    z = Streams(0, "case", (3,), (0,)).normal(0, (301, 333))
    for part in (z.real, z.imag):
        n = part.numel()
        assert abs(part.mean()) < 4 / n**0.5
        assert abs(part.var() - 1) < 4 * (2 / n) ** 0.5
        assert abs((part.double() ** 4).mean() - 3) < 4 * (96 / n) ** 0.5
    assert abs((z.real * z.imag).mean()) < 4 / z.numel() ** 0.5


def test_streams_of_other_steps_samples_slices_cases_seeds_are_uncorrelated():
    def draw(seed=0, case="a", slice_id=0, sample=0, step=0):
        return Streams(seed, case, (slice_id,), (sample,)).normal(step, (64, 65))

    first = draw()
    for other in (draw(seed=1), draw(case="b"), draw(slice_id=1), draw(sample=2), draw(step=1)):
        correlation = (first.conj() * other).mean().abs() / 2
        assert correlation < 4 / (64 * 65) ** 0.5


def test_draws_come_in_antithetic_pairs():
    draws = Streams(0, "case", (1,) * 6, range(6)).normal(3, (9, 10))
    assert torch.equal(draws[1::2], -draws[::2])
    assert len({float(d.abs().sum()) for d in draws}) == 3


def test_bits_do_not_depend_on_the_batch():
    ids, samples = (4, 4, 7, 7, 9), (0, 1, 0, 1, 5)
    batch = Streams(5, "case", ids, samples).normal(2, (17, 13))
    for n, (i, k) in enumerate(zip(ids, samples, strict=True)):
        assert torch.equal(batch[n], Streams(5, "case", (i,), (k,)).normal(2, (17, 13))[0])


def test_global_random_state_is_untouched():
    before = torch.get_rng_state()
    Streams(0, "case", (0,), (0,)).normal(0, (8, 8))
    assert torch.equal(before, torch.get_rng_state())
