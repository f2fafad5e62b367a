"""media/watched/suspects.py: who is convicted, and when."""

from media.watched.suspects import Suspects


def test_a_file_that_nothing_tells_of_is_convicted_at_the_next_look() -> None:
    suspects = Suspects()
    assert suspects.convicted() is None
    suspects.found(["a.jpg", "b.jpg"])
    assert suspects.convicted() == "a.jpg"
    assert suspects.convicted() is None


def test_an_event_clears_before_the_scan_and_until_the_next_look() -> None:
    suspects = Suspects()
    suspects.told("before.jpg")
    suspects.found(["before.jpg", "after.jpg"])
    suspects.told("after.jpg")
    assert suspects.convicted() is None
    suspects.found(["before.jpg", "after.jpg"])  # they stay put
    assert suspects.convicted() is None


def test_a_name_that_has_left_the_folder_is_not_known_when_it_comes_again() -> None:
    suspects = Suspects()
    suspects.told("image.jpg")
    suspects.found([])
    suspects.found(["image.jpg"])
    assert suspects.convicted() == "image.jpg"
