"""What is said to a line that a node on a pool has printed."""

from host.pool.hints import Hints


def test_what_to_do_about_a_missing_package_is_said_once() -> None:
    hints = Hints("farm")
    line = "ModuleNotFoundError: No module named 'scipy.ndimage'"

    assert hints.on(line) == (
        "a package is missing on the machines of farm, for scipy:"
        " runtime_env: {pip: [scipy]} under farm, or install it there"
    )
    assert hints.on(line) == ""
    assert "{pip: [opencv-python-headless]}" in hints.on("ModuleNotFoundError: No module named 'cv2'")


def test_to_other_lines_nothing_is_said() -> None:
    hints = Hints("farm")

    for line in ("converts with Pillow", "No module named 'scipy'", "ModuleNotFoundError: No module named 'nodes.x'"):
        assert hints.on(line) == ""
