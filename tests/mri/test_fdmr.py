import dataclasses

import pytest
import torch
from problems import make_problem
from tiny_ddgan import tiny_prior

from medrecon.diffusion.sampler import NonFiniteError
from medrecon.errors import InputError
from medrecon.mri.fdmr.holdout import withheld_samples
from medrecon.mri.fdmr.method import WORDS, Fdmr
from medrecon.mri.fdmr.plan import MODES
from medrecon.problem import Problem

TRUSTS = ("level", "holdout")
CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.fixture(scope="module")
def problem() -> Problem:
    return make_problem(shape=(16, 20), accel=2)[0]


def image(problem, seed=0, **options):
    return Fdmr(**{"iterations": 3, **options}).solve(problem, prior=tiny_prior(), seed=seed).image


@pytest.mark.parametrize("mode", list(MODES))
def test_every_mode_gives_finite_images_and_counts_its_calls(problem, mode):
    told = []
    method = Fdmr(mode=mode, iterations=4)
    solution = method.solve(problem, prior=tiny_prior(), on_step=told.append)
    assert solution.samples.shape == (1, *problem.image_shape)
    assert solution.samples.isfinite().all()
    assert solution.calls == {"fdmr": 8 + 5 + 8 + 1 + 1, "static": 8, "adadiff": 8 + 5, "dip": 5}[mode]
    stages = list(dict.fromkeys(p.stage for p in told))
    wanted = {"fdmr": ["generation", "adaptation", "refinement"], "static": ["generation"], "dip": ["adaptation"]}
    assert stages == wanted.get(mode, ["generation", "adaptation"])
    for stage in stages:
        last = [p for p in told if p.stage == stage][-1]
        assert last.done == last.total


def test_progress_of_a_stage_never_falls_back(problem):
    told = []
    Fdmr(iterations=3, runs=2, level=2).solve(problem, prior=tiny_prior(), on_step=told.append)
    for stage in ("generation", "adaptation", "refinement"):
        done = [p.done / p.total for p in told if p.stage == stage]
        assert done == sorted(done)


def test_the_seed_decides(problem):
    assert torch.equal(image(problem), image(problem))
    assert not torch.allclose(image(problem), image(problem, seed=1))


@pytest.mark.parametrize("parameters", ["modulation", "low-rank", "all"])
def test_slices_do_not_depend_on_their_neighbours(problem, parameters):
    both = image(problem, parameters=parameters)
    for n in range(problem.n_slices):
        part = slice(n, n + 1)
        assert torch.equal(image(problem.select(part), parameters=parameters)[0], both[n])


def test_a_warm_start_begins_where_the_slice_before_ended(problem):
    cold, warm = image(problem, refine="none"), image(problem, refine="none", warm=True)
    assert torch.equal(cold[0], warm[0])
    assert not torch.allclose(cold[1], warm[1])


def test_the_prior_is_as_it_was_after_every_mode(problem):
    prior = tiny_prior()
    before = {k: v.clone() for k, v in prior.denoise.state_dict().items()}  # type: ignore[attr-defined]
    for mode in MODES:
        Fdmr(mode=mode, iterations=2).solve(problem, prior=prior)
    assert all(torch.equal(v, before[k]) for k, v in prior.denoise.state_dict().items())  # type: ignore[attr-defined]


def test_global_random_state_is_left_alone(problem):
    state = torch.get_rng_state()
    for mode in ("fdmr", "dip"):
        image(problem, mode=mode)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize(
    "options", [{"refine": "deterministic"}, {"refine": "renoise", "level": 2}, {"mode": "adadiff"}]
)
def test_with_all_samples_and_no_noise_the_reference_comes_back(options):
    """Invariant 8, from end to end."""
    full, truth = make_problem(shape=(16, 20), accel=1, noise=0.0)
    assert torch.allclose(image(full, data="hard", **options), truth, atol=1e-4)


def test_adaptation_brings_the_image_nearer_to_the_data(problem):
    far, near = (image(problem, mode="adadiff", iterations=n, final=False) for n in (1, 40))
    errors = [(problem.forward(x) - problem.kspace).abs().mean() for x in (far, near)]
    assert errors[1] < 0.8 * errors[0]


def test_averaged_refinements_are_the_mean_of_antithetic_runs(problem):
    one, two = image(problem), image(problem, runs=2)
    assert one.shape == two.shape
    assert not torch.allclose(one, two)


def test_what_the_modes_leave_open():
    fdmr, static, adadiff, dip = (Fdmr(mode=mode).plan(CUDA) for mode in MODES)
    assert (fdmr.iterations, fdmr.stop, fdmr.parameters, fdmr.refine) == (40, "holdout", "modulation", "estimate")
    assert (static.iterations, static.refine) == (0, "none")
    assert (adadiff.iterations, adadiff.stop, adadiff.parameters, adadiff.refine) == (1000, "count", "all", "none")
    assert (dip.trained, dip.stop, dip.parameters, dip.refine) == (False, "holdout", "all", "none")
    assert [Fdmr(parameters=p).plan(CUDA).rate for p in ("modulation", "low-rank", "all")] == [1e-2, 3e-3, 1e-4]
    assert [Fdmr(mode=mode).plan(CUDA).rate for mode in ("adadiff", "dip")] == [1e-3, 1e-3]
    assert Fdmr(rate=0.5).plan(CUDA).rate == 0.5


def test_a_cpu_gets_forty_iterations_unless_it_is_asked_for_more():
    for mode in MODES:
        assert Fdmr(mode=mode).plan(CPU).iterations <= 40
    assert Fdmr(iterations=70).plan(CPU).iterations == 70
    assert Fdmr(mode="static", iterations=70).plan(CPU).iterations == 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"iterations": -1}, "iterations"), ({"patience": 0}, "patience"), ({"rank": 0}, "rank"), ({"runs": 0}, "runs"),
        ({"share": 0.0}, "share"), ({"gain": 1.0}, "gain"), ({"rate": 0.0}, "rate"), ({"excess": -1.0}, "excess"),
        ({"mode": "dip", "parameters": "modulation"}, "dip"), *(({word: "no"}, f"unknown {word}") for word in WORDS),
    ],
)  # fmt: skip
def test_options_out_of_range_are_one_line(options, word):
    with pytest.raises(InputError, match=word) as raised:
        Fdmr(**options)
    assert "\n" not in str(raised.value)


def test_a_prior_of_another_kind_is_refused(problem, gaussian_prior):
    for prior in (None, gaussian_prior):
        with pytest.raises(InputError, match="DDGAN"):
            Fdmr().solve(problem, prior=prior)
    with pytest.raises(InputError, match="1 to 8"):
        Fdmr(start=9).solve(problem, prior=tiny_prior())


@pytest.mark.parametrize("mode", ["fdmr", "dip"])
def test_what_the_network_is_shown_does_not_hold_what_it_is_to_foretell(problem, mode):
    """Else it would foretell withheld samples best before it adapts."""
    problem = problem.select(slice(0, 1))
    held = withheld_samples(problem, 0.1, 0)[:, None]
    other = problem.with_kspace(problem.kspace * (1 + 5 * held), problem.mask)
    found = []
    for each in (problem, other):
        stages = Fdmr(mode=mode, iterations=3, stop="holdout").stages(tiny_prior(), each, 0)
        found.append(stages(each))
    assert torch.equal(found[0].static, found[1].static)
    assert not torch.allclose(found[0].image, found[1].image)  # all data have their say in the end
    assert found[1].adapted.held_power.min() > found[0].adapted.held_power.max()


def test_withheld_samples_say_how_far_the_adapted_network_is_trusted(problem):
    """In the adapted image and in the refinement, at level 1."""
    by_level, by_holdout = (Fdmr(iterations=3, trust=trust).stages(tiny_prior(), problem, 0) for trust in TRUSTS)
    near, far = (torch.full((problem.n_slices,), value) for value in (1e-9, 1e9))
    first, second = torch.tensor(1), torch.tensor(2)
    of_level = by_level.sigma(problem, near)(first)
    assert (by_holdout.sigma(problem, near)(first) < 0.5 * of_level).all()
    assert (by_holdout.sigma(problem, far)(first) > 2 * of_level).all()
    assert (by_holdout.sigma(problem, near)(second) == by_level.sigma(problem, near)(second)).all()
    loose, tight = (image(problem, trust=trust, refine="renoise") for trust in TRUSTS)
    assert not torch.allclose(loose, tight)


def test_without_samples_beside_the_centre_another_rule_is_named(problem):
    only = torch.zeros_like(problem.mask)
    only[:, 7:13] = True
    central = dataclasses.replace(problem.with_kspace(problem.kspace * only, only), acs=(16, 6))
    with pytest.raises(InputError, match="--stop"):
        image(central)
    assert image(central, stop="discrepancy").isfinite().all()


def test_a_breakdown_says_so_and_keeps_what_stage_1_gave(problem):
    with pytest.raises(NonFiniteError, match="smaller --rate") as raised:
        image(problem, stop="count", rate=1e38, iterations=3, refine="none")
    assert raised.value.image.isfinite().all()
