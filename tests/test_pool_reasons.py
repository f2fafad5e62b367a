"""Why a replica on a pool waits, in words."""

import pytest

from host.pool.cluster import told
from host.pool.reasons import wanted, why

SMALL = {"CPU": 4.0, "memory": 8e9}
LARGE = {"CPU": 16.0, "memory": 64e9, "GPU": 2.0, "accelerator_type:H100": 1.0}


def test_what_a_replica_takes_is_said_in_rays_words() -> None:
    assert wanted({}) == {"CPU": 1.0}
    asked = {"num_cpus": 0, "num_gpus": 0.5, "memory": 2e9, "accelerator_type": "H100", "resources": {"tpu": 1}}
    taken = {"GPU": 0.5, "memory": 2e9, "accelerator_type:H100": 0.001, "tpu": 1}
    assert wanted(asked) == taken


def test_no_machine_has_it() -> None:
    needs = {"num_cpus": 1, "num_gpus": 4}

    assert why(needs, [SMALL, LARGE], {"CPU": 20.0, "GPU": 2.0}) == (
        "none of the 2 machines of the cluster has 1 CPU, 4 GPU (the most that one has: 16 CPU, 2 GPU)"
    )
    assert why(needs, [SMALL], SMALL) == (
        "the only machine of the cluster has not 1 CPU, 4 GPU (the most that one has: 4 CPU, 0 GPU)"
    )
    assert why(needs, [], {}) == "the cluster has no machine"


def test_what_nobody_has_asked_for_is_said_to_be_a_default() -> None:
    assert why({"num_gpus": 1}, [SMALL], SMALL) == (
        "the only machine of the cluster has not 1 CPU (the default of num_cpus), 1 GPU"
        " (the most that one has: 4 CPU, 0 GPU)"
    )


def test_what_two_machines_have_together_no_machine_has() -> None:
    needs = {"num_cpus": 8, "num_gpus": 1}

    assert why(needs, [{"CPU": 16.0}, {"CPU": 4.0, "GPU": 1.0}], {"CPU": 20.0, "GPU": 1.0}).startswith("none of the 2")


def test_all_that_have_it_are_full() -> None:
    needs: dict[str, float] = {"num_cpus": 1, "num_gpus": 1, "memory": 2e9}
    both: list[dict[str, float]] = [needs, {"num_cpus": 1, "num_gpus": 1}]

    assert why(needs, [SMALL, LARGE], {"CPU": 3.0, "memory": 9e9}, both) == (
        "it needs 1 CPU, 1 GPU, 2 GB of memory, and the cluster is full: free are 0 GPU"
    )


def test_what_is_free_no_longer_may_have_been_given_to_this_very_replica() -> None:
    """Ray does not tell whether it has, so that the cluster is full is said only where others have all of it."""
    two, one = {"CPU": 2.0}, {"num_cpus": 1}

    assert why(one, [two], {}, [one]) == (
        "it needs 1 CPU, and the cluster is full, or Ray is starting it: free are 0 CPU"
    )
    assert why(one, [two], {}, [one, one]) == "it needs 1 CPU, and the cluster is full: free are 0 CPU"
    parts = [{"num_cpus": 0.1}] * 10
    assert "starting it" in why({"num_cpus": 1}, [two], {}, parts)
    assert "starting it" not in why({"num_cpus": 1}, [{"CPU": 1.0}], {}, parts)


def test_what_is_free_ray_is_giving_it_unless_it_lies_in_pieces() -> None:
    hundred = {"num_cpus": 1, "accelerator_type": "H100"}

    assert why(hundred, [LARGE], LARGE) == "Ray is starting it"
    assert why(hundred, [LARGE, LARGE], LARGE) == ("Ray is starting it, or no single machine has 1 CPU, H100 free")
    assert why({**hundred, "label_selector": {"zone": "a"}}, [LARGE], LARGE) == (
        "Ray is starting it, or no single machine has 1 CPU, H100 free and the labels that it wants"
    )


@pytest.mark.parametrize(
    ("rays", "ours"),
    [
        (
            "The actor eb01f00d is unavailable: IOError: The actor is restarting.. The task may or may not have been"
            " executed on the actor.",
            "IOError: The actor is restarting.",
        ),
        (
            "The actor died unexpectedly before finishing this task.\n\tclass_name: Actor\n\tactor_id: eb01f00d\n"
            "\tpid: 7\n\tnamespace: zg\n\tip: 10.0.0.9\nIt was killed.",
            "The actor died unexpectedly before finishing this task. It was killed.",
        ),
        ("", "RuntimeError"),
    ],
)
def test_of_rays_words_is_kept_what_has_happened(rays: str, ours: str) -> None:
    assert told(RuntimeError(rays)) == ours
