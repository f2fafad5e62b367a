"""bench/simulation.py: what is lost is done again, nothing is missing, and dispatch keeps to the rules of the bus."""

import math

import pytest

from bench.simulation import Costs, Plan, Simulation, simulate
from bus.link import PREFETCH

COSTS = Costs((60e-6, 40e-6), 600e-6, (150e-6, 100e-6), standing=0.004, birth=0.15, absent=0.2)
FREE = Costs((0.0, 0.0), 0.0, (0.0, 0.0), standing=0.0, birth=0.0, absent=0.2)
NAP = 0.1
SPREAD = (0.06, 0.09, 0.1, 0.1, 0.15)


@pytest.mark.parametrize("replicas", [1, 4, 64, 300])
def test_without_costs_throughput_is_what_the_replicas_can_do(replicas: int) -> None:
    frames = 60 * replicas

    run = simulate(Plan(replicas, frames, [NAP], FREE))

    assert run.done == len(run.arrivals) == frames
    assert run.rate(replicas, frames) == pytest.approx(replicas / NAP, rel=0.03)


def test_two_cores_are_a_limit_that_all_share() -> None:
    run = simulate(Plan(64, 20_000, [0.005], COSTS, cores=2))

    least = COSTS.replica + 3 * COSTS.pusher[1] + COSTS.counter[1]  # of a message, if nobody ever falls asleep
    assert 0.7 < run.rate(500, 20_000) * least / (2 - 64 * COSTS.standing) <= 1.03


@pytest.mark.parametrize("fault", [{"death": 8.0}, {"reset": 8.0}, {"death": 12.0, "reset": 12.0}])
@pytest.mark.parametrize("seed", range(5))
def test_whatever_dies_all_is_done_and_each_once_in_the_books(fault: dict[str, float], seed: int) -> None:
    plan = Plan(16, 3000, SPREAD, COSTS, cores=2, latency=0.001, seed=seed, **fault)

    run = simulate(plan)

    assert run.done + run.dead == plan.frames
    assert run.deaths + run.resets > 10
    assert len(run.arrivals) - run.twice - run.done in range(run.dead + 1)  # a dead letter may have come, too
    assert run.dead == 0 and (run.twice > 0 or "reset" not in fault)


def test_what_was_open_at_a_link_that_was_reset_is_no_suspect_any_more_once_that_is_back() -> None:
    world = Simulation(Plan(2, 100, [NAP], FREE))
    for replica in world.replicas:
        replica.connect()
    world.clock.at(2.5 * NAP, world.replicas[0].lose_link)
    world.clock.run(lambda: world.clock.now < 2.5 * NAP + FREE.redial + NAP)

    assert world.resets == 1
    assert [len(seat.open) for seat in world.giver.seats] == [PREFETCH, PREFETCH], "nothing waits for an empty one"


def test_deaths_cost_what_the_absent_would_have_done() -> None:
    quiet, deadly = (simulate(Plan(16, 8000, SPREAD, FREE, death=death, seed=3)) for death in (math.inf, 4.0))

    lost = 1 - deadly.rate(200, 7800) / quiet.rate(200, 7800)
    absent = (FREE.absent + NAP / 2) / (4.0 + FREE.absent)  # of each replica, with the half of a message that is lost
    assert lost == pytest.approx(absent, abs=0.02)


def test_a_camera_that_is_slower_than_the_replicas_sets_the_pace_and_nobody_waits() -> None:
    run = simulate(Plan(16, 1000, [NAP], FREE, rate=80.0))

    assert run.rate(50, 1000) == pytest.approx(80.0, rel=0.01)
    assert run.age(0.99) == pytest.approx(NAP, rel=0.05)


def test_the_same_seed_gives_the_same_run() -> None:
    plan = Plan(8, 500, SPREAD, COSTS, cores=2, death=5.0, seed=11)

    assert simulate(plan) == simulate(plan)
