"""The folder of results: when it is refused, what is done in it, and what is taken away."""

from dataclasses import replace

import pytest
from batch_works import items

from medrecon.batch.manifest import Entry, Head, Manifest, manifest_name
from medrecon.batch.plan import Plan, Shard
from medrecon.batch.results import check_resumable, check_unused
from medrecon.batch.run import left_of
from medrecon.errors import InputError

HEAD = Head("1", "mri", {"method": "sense", "accel": 4.0}, {"name": "x", "sha256": "1"}, "0/1", 3, "plan")


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture
def three(tmp_path, out):
    return items(tmp_path / "in", out, "a", "b", "c")


def begun(out, shard=None, head=HEAD, entries=()):
    manifest = Manifest(out / manifest_name(shard or Shard()), head)
    for entry in entries:
        manifest.append(entry)
    manifest.close()


def done(item, text="A"):
    item.out.write_text(text)
    return Entry(item.name, item.out.name, "done", 1, len(text))


def test_a_new_or_empty_folder_may_be_used(out, three):
    check_unused(out, Plan(three), Shard())
    check_unused(out / "none", Plan(three), Shard())
    check_resumable(out / "none", HEAD, Shard())
    check_resumable(out, HEAD, Shard())


def test_a_used_folder_is_refused(out, three):
    (out / "notes.txt").touch()
    for shard in (Shard(), Shard(1, 2)):
        with pytest.raises(InputError, match=r"holds notes.txt already; --resume"):
            check_unused(out, Plan(three), shard)
    with pytest.raises(InputError, match="no manifest to resume from"):
        check_resumable(out, HEAD, Shard())


def test_shards_share_a_folder_and_each_is_refused_its_own(out, three):
    plan, first, second = Plan(three), Shard(0, 2), Shard(1, 2)
    begun(out, first)
    three[0].out.touch()
    (out / f".12345678.{three[2].out.name}").touch()
    check_unused(out, plan, second)
    for used in (first, Shard(0, 3), Shard()):
        with pytest.raises(InputError, match="already"):
            check_unused(out, plan, used)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"options": {"method": "sense", "accel": 8.0}}, "option accel = 4.0, and --resume came with 8.0"),
        ({"options": {"method": "sense", "accel": 4.0, "pick": {"set": "1"}}}, r"pick = None, .* with {'set': '1'}"),
        ({"weights": {"name": "x", "sha256": "2"}}, "sha256 of the weights"),
        ({"weights": None}, "weights"),
        ({"command": "ct"}, "command = mri"),
    ],
)
def test_other_options_are_refused_in_one_line(out, changed, words):
    begun(out)
    with pytest.raises(InputError, match=words) as refused:
        check_resumable(out, replace(HEAD, **changed), Shard())
    assert "\n" not in str(refused.value)


def test_an_option_that_was_not_there_yet_was_not_given(out):
    begun(out)
    check_resumable(out, replace(HEAD, options={**HEAD.options, "pick": None}), Shard())


def test_new_files_may_join_a_run_but_not_its_shards(out):
    begun(out, Shard(0, 2))
    with pytest.raises(InputError, match="was dealt from 3 files, and there are 4 now"):
        check_resumable(out, replace(HEAD, plan="other", files=4), Shard(1, 2))
    check_resumable(out, replace(HEAD, plan="other", files=4), Shard())


def test_resuming_with_other_shards_waits_for_those_at_work(out):
    other = Manifest(out / manifest_name(Shard(0, 2)), HEAD)
    with pytest.raises(InputError, match="another medrecon batch is at work"):
        check_resumable(out, HEAD, Shard())
    check_resumable(out, HEAD, Shard(1, 2))
    other.close()
    check_resumable(out, HEAD, Shard())


def test_done_is_what_any_manifest_says_and_the_disk_holds(out, three):
    a, b, c = three
    begun(out, Shard(0, 2), entries=[done(a), Entry(c.name, c.name, "failed", reason="no")])
    begun(out, Shard(1, 2), entries=[done(b, "longer")])
    assert left_of(out, three) == [c]
    b.out.write_text("cut")
    a.out.unlink()
    assert left_of(out, three) == [a, b, c]
    assert not b.out.exists()


def test_strays_of_these_items_alone_are_taken_away(out, three):
    a, b, _ = three
    begun(out, entries=[done(a)])
    b.out.mkdir()  # an output whose entry was not written any more
    (b.out / "1.dcm").touch()
    mine, folder = out / f".0a1b2c3d.{a.out.name}", out / f".00000000.{b.out.name}"
    mine.touch()
    folder.mkdir()
    others = [out / ".0a1b2c3d.other.h5", out / f".mine.{b.out.name}", out / "x"]
    for path in others:
        path.touch()
    left_of(out, three)
    assert sorted(out.iterdir()) == sorted([*others, a.out, out / "manifest.jsonl"])
