import dataclasses

import pytest
import torch
from problems import make_problem
from tiny_ddgan import tiny_prior

from medrecon.diffusion.adaptation.draws import Draws
from medrecon.diffusion.datasteps import NoiseWeighted
from medrecon.diffusion.sampler import NonFiniteError, in_mirror
from medrecon.diffusion.streams import Streams
from medrecon.errors import InputError
from medrecon.mri.fdmr.estimates import Estimates
from medrecon.mri.fdmr.holdout import withheld_samples, without
from medrecon.mri.fdmr.method import WORDS, Fdmr
from medrecon.mri.fdmr.plan import MODES
from medrecon.mri.fdmr.stages import Stages
from medrecon.problem import Problem
from medrecon.progress import silent

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


@pytest.mark.parametrize(("mode", "calls"), [("fdmr", 12 + 5 + 12 + 1 + 1), ("static", 12), ("adadiff", 8 + 5)])
def test_levels_even_in_noise_are_gone_down_by_estimates(problem, mode, calls):
    """Stage 1 once more for all samples, a look of the adapted network, and one call of the refinement; not AdaDiff."""
    solution = Fdmr(mode=mode, iterations=4).solve(problem, prior=tiny_prior(spacing="noise"))
    assert solution.samples.isfinite().all()
    assert solution.calls == calls


def test_the_way_down_is_the_priors_unless_it_is_given():
    plans = [Fdmr().plan(CUDA, spacing) for spacing in ("noise", "time")]
    assert [(plan.draws, plan.refine) for plan in plans] == [("estimate", "estimate"), ("posterior", "renoise")]
    given = Fdmr(draws="estimate", refine="deterministic").plan(CUDA, "time")
    assert (given.draws, given.refine) == ("estimate", "deterministic")
    assert all(Fdmr(mode="adadiff").plan(CUDA, spacing).draws == "posterior" for spacing in ("noise", "time"))


@pytest.mark.parametrize("spacing", ["noise", "time"])
@pytest.mark.parametrize("options", [{}, {"refine": "estimate", "level": 3}, {"told": 3}, {"shown": "state"}])
def test_estimates_of_slices_do_not_depend_on_their_neighbours(problem, spacing, options):
    prior, method = tiny_prior(spacing=spacing), Fdmr(iterations=2, draws="estimate", **options)
    both = method.solve(problem, prior=prior).image
    for n in range(problem.n_slices):
        assert torch.equal(method.solve(problem.select(slice(n, n + 1)), prior=prior).image[0], both[n])


class Knowing(torch.nn.Module):
    """Says the reference at every level, in the mirror in which it was asked; keeps what it was shown."""

    def __init__(self, reference: torch.Tensor) -> None:
        super().__init__()
        self.reference, self.shown = reference, []

    def forward(self, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        self.shown.append((x.clone(), t.clone()))
        return in_mirror(self.reference, torch.tensor(len(self.shown) - 1))


def walk(problem, calls, start=None):
    prior = tiny_prior(spacing="noise")
    streams = Streams(0, problem.case, problem.slice_ids, [0] * problem.n_slices)
    draws = Draws(streams, 0, problem.image_shape[1:], 6)
    return Estimates(problem, prior, NoiseWeighted(problem, prior.variance, 5), calls, draws, start)


@pytest.mark.parametrize("calls", [1, 5, 12])
def test_estimates_end_at_what_a_perfect_network_knows(calls):
    """Of a scan with little noise, of which the data step moves it by no more."""
    full, truth = make_problem(shape=(16, 20), accel=2, noise=1e-3)
    knowing, told = Knowing(truth), []
    landed = walk(full, calls).from_noise(knowing, "generation", told.append)
    assert (landed.image - truth).abs().max() < 1e-2
    assert len(knowing.shown) == calls
    assert [(p.stage, p.done, p.total) for p in told] == [("generation", n + 1, calls) for n in range(calls)]
    levels = [float(t.max()) for _, t in knowing.shown]
    assert levels == sorted(levels, reverse=True)
    assert all(level == round(level) for level in levels)


def test_from_an_image_estimates_begin_without_noise(problem):
    path, image = tiny_prior(spacing="noise").path, torch.ones(problem.image_shape, dtype=torch.complex64)
    knowing = Knowing(image)
    level = torch.tensor(4.0)
    walk(problem, 2, float(path.sigma(level))).from_image(image, knowing, "refinement")
    first, t = knowing.shown[0]
    assert float(t.max()) == 4
    assert torch.allclose(first, path.a(level) * image)


def test_all_samples_are_shown_once_it_has_adapted(problem):
    """The adapted image is that of the whole scan, though withheld samples had no say in the adaptation."""
    problem = problem.select(slice(0, 1))
    held = withheld_samples(problem, 0.1, 0)[:, None]
    other = problem.with_kspace(problem.kspace * (1 + 5 * held), problem.mask)
    options = {"iterations": 3, "stop": "holdout", "refine": "none", "final": False}

    def adapted(each, whole):
        return Fdmr(whole=whole, **options).stages(tiny_prior(spacing="noise"), each, 0)(each)

    seen, unseen = ([adapted(each, whole) for each in (problem, other)] for whole in (True, False))
    assert torch.equal(unseen[0].image, unseen[1].image)
    assert not torch.allclose(seen[0].image, seen[1].image)
    assert torch.equal(seen[0].adapted.values, unseen[0].adapted.values)


@pytest.fixture
def stage_1(monkeypatch):
    """What stage 1 was called with and where it ended, call by call."""
    seen, generated = [], Stages._generated

    def noted(stages, problem, on_step):
        found = generated(stages, problem, on_step)
        seen.append((problem, found[0]))
        return found

    monkeypatch.setattr(Stages, "_generated", noted)
    return seen


@pytest.mark.parametrize(("spacing", "draws"), [("noise", "estimate"), ("time", "posterior")])
def test_stage_1_of_kept_and_of_all_samples_is_one_batch(problem, spacing, draws, stage_1):
    """With the random numbers of either alone; what was withheld is in the second half alone."""
    prior = tiny_prior(spacing=spacing)
    stages = Fdmr(iterations=2, draws=draws, refine="none", final=False).stages(prior, problem, 0)
    found = stages(problem)
    assert [seen.n_slices for seen, _ in stage_1] == [2 * problem.n_slices]
    first, second = stage_1[0][1].halves()
    held = withheld_samples(problem, 0.1, 0)
    kept, whole = (stages._generated(each, silent)[0] for each in (without(problem, held), problem))
    assert not torch.allclose(first.image, second.image)
    for half, alone in ((first, kept), (second, whole)):
        assert torch.allclose(half.image, alone.image, atol=1e-5)
        assert torch.allclose(half.estimate, alone.estimate, atol=1e-5)
        assert torch.allclose(half.state, alone.state, atol=1e-5)
    assert torch.equal(found.static, first.estimate)
    latent = stages.setting.draws(problem, 0).latent(1)
    again = stages.adapter(found.adapted.values, *stages._inputs(problem, second, latent))
    assert torch.equal(found.adapted.image, again)


@pytest.mark.parametrize("options", [{"whole": False}, {"stop": "count"}, {"mode": "dip"}, {"mode": "static"}])
def test_stage_1_is_run_once_where_nothing_else_is_shown(problem, options, stage_1):
    one = problem.select(slice(0, 1))
    Fdmr(iterations=2, **options).stages(tiny_prior(), one, 0)(one)
    assert [seen.n_slices for seen, _ in stage_1] == [1]


@pytest.mark.parametrize("spacing", ["time", "noise"])
def test_progress_of_a_stage_never_falls_back(problem, spacing):
    told = []
    Fdmr(iterations=3, runs=2, level=2).solve(problem, prior=tiny_prior(spacing=spacing), on_step=told.append)
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
    assert (fdmr.iterations, fdmr.stop, fdmr.parameters, fdmr.refine) == (20, "holdout", "modulation", "estimate")
    assert (static.iterations, static.refine) == (0, "none")
    assert (adadiff.iterations, adadiff.stop, adadiff.parameters, adadiff.refine) == (1000, "count", "all", "none")
    assert (Fdmr().patience, Fdmr().trust) == (5, "holdout")  # as the sweep chose, with the iterations
    assert (dip.iterations, Fdmr(mode="dip", iterations=70).plan(CUDA).iterations) == (200, 70)
    assert (dip.trained, dip.stop, dip.parameters, dip.refine) == (False, "holdout", "all", "none")
    assert [Fdmr(parameters=p).plan(CUDA).rate for p in ("modulation", "low-rank", "all")] == [1e-2, 3e-3, 1e-4]
    assert [Fdmr(mode=mode).plan(CUDA).rate for mode in ("adadiff", "dip")] == [1e-3, 1e-3]
    assert Fdmr(rate=0.5).plan(CUDA).rate == 0.5


def test_a_cpu_gets_forty_iterations_unless_it_is_asked_for_more():
    for mode in MODES:
        assert Fdmr(mode=mode).plan(CPU).iterations == min(40, Fdmr(mode=mode).plan(CUDA).iterations)
    assert Fdmr(iterations=70).plan(CPU).iterations == 70
    assert Fdmr(mode="static", iterations=70).plan(CPU).iterations == 0


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"iterations": -1}, "iterations"), ({"patience": 0}, "patience"), ({"rank": 0}, "rank"), ({"runs": 0}, "runs"),
        ({"share": 0.0}, "share"), ({"gain": 1.0}, "gain"), ({"rate": 0.0}, "rate"), ({"excess": -1.0}, "excess"),
        ({"steps": 0}, "steps"),
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
    with pytest.raises(InputError, match="told is 9; give a level of the prior, 1 to 8"):
        Fdmr(told=9).solve(problem, prior=tiny_prior())
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
    by_level, by_holdout = (
        Fdmr(iterations=3, trust=trust).stages(tiny_prior(), problem, 0).setting for trust in TRUSTS
    )
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
