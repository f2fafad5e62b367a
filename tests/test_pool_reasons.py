"""Why a replica on a pool waits, in words."""

from host.pool.reasons import wanted, why

SMALL = {"CPU": 4.0, "memory": 8e9}
LARGE = {"CPU": 16.0, "memory": 64e9, "GPU": 2.0, "accelerator_type:H100": 1.0}


def test_what_a_replica_takes_is_said_in_rays_words() -> None:
    assert wanted({}) == {"CPU": 1.0}
    asked = {"num_cpus": 0, "num_gpus": 0.5, "memory": 2e9, "accelerator_type": "H100", "resources": {"tpu": 1}}
    taken = {"GPU": 0.5, "memory": 2e9, "accelerator_type:H100": 0.001, "tpu": 1}
    assert wanted(asked) == taken


def test_no_machine_has_it() -> None:
    needs = wanted({"num_gpus": 4})

    assert why(needs, [SMALL, LARGE], {"CPU": 20.0, "GPU": 2.0}) == (
        "none of the 2 machines of the cluster has 1 CPU, 4 GPU (the most that one has: 16 CPU, 2 GPU)"
    )
    assert why(needs, [SMALL], SMALL) == (
        "the only machine of the cluster has not 1 CPU, 4 GPU (the most that one has: 4 CPU, 0 GPU)"
    )
    assert why(needs, [], {}) == "the cluster has no machine"


def test_what_two_machines_have_together_no_machine_has() -> None:
    needs = wanted({"num_cpus": 8, "num_gpus": 1})

    assert why(needs, [{"CPU": 16.0}, {"CPU": 4.0, "GPU": 1.0}], {"CPU": 20.0, "GPU": 1.0}).startswith("none of the 2")


def test_all_that_have_it_are_full() -> None:
    assert why(wanted({"num_gpus": 1, "memory": 2e9}), [SMALL, LARGE], {"CPU": 3.0, "memory": 9e9}) == (
        "it needs 1 CPU, 1 GPU, 2 GB of memory, and the cluster is full: free are 0 GPU"
    )


def test_one_is_prepared() -> None:
    assert why(wanted({"accelerator_type": "H100"}), [LARGE], LARGE) == "Ray prepares a machine with 1 CPU, H100"
