"""What waits between reading and the device is bounded, kept in order, and never waited for in vain."""

import threading

from medrecon.batch.shelf import Shelf


def test_takes_what_is_there_up_to_a_weight_and_at_least_one() -> None:
    shelf = Shelf(100)
    for weight in (30, 10, 20, 5):
        shelf.put(weight, weight)
    assert shelf.take(40) == [30, 10]
    assert shelf.take(3) == [20]
    shelf.close()
    assert shelf.take(0) == [5]
    assert shelf.take(9) == []


def test_put_waits_for_room_and_a_thing_that_is_too_heavy_goes_alone() -> None:
    shelf = Shelf(10)
    shelf.put("a", 6)
    put = threading.Event()

    def more() -> None:
        shelf.put("b", 60)
        put.set()
        shelf.close()

    thread = threading.Thread(target=more)
    thread.start()
    assert not put.wait(0.1)
    assert shelf.take(60) == ["a"]
    assert shelf.take(60) == ["b"]
    thread.join()
    assert shelf.take(60) == []
