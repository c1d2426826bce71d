"""The cache: bytes only, private, within its size, and never in the way."""

import os
import pickle
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from dataflow.errors import UsageError
from dataflow.storage import cache as cache_module
from dataflow.storage.cache import DiskCache

ROOT = Path(__file__).parents[2]
MEGABYTE = 1_000_000


@pytest.fixture
def directory(tmp_path):
    return tmp_path / "cache" / "dataflow"


@pytest.fixture
def make(directory):
    made = []

    def make(size=10 * MEGABYTE):
        made.append(DiskCache(directory, size))
        return made[-1]

    yield make
    for cache in made:
        cache.close()


def on_disk(directory):
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def test_bytes_in_bytes_out(make):
    cache = make()
    objects = {"small": b"\x00\xff", "empty": b"", "large": os.urandom(100_000)}
    for key, data in objects.items():
        cache.put(key, data)
    assert {key: cache.get(key) for key in objects} == objects
    assert cache.get("other") is None


def test_all_processes_have_the_same(make):
    make().put("key", b"data")
    assert make().get("key") == b"data"


def test_dropping_and_clearing(make, directory):
    cache = make()
    for n in range(3):
        cache.put(str(n), bytes(10_000))
    cache.drop("0")
    assert [cache.get(str(n)) is None for n in range(3)] == [True, False, False]
    before = cache.usage()
    assert before.objects == 2
    assert 20_000 < before.size == on_disk(directory)
    assert cache.clear() == before
    assert cache.usage().objects == 0
    assert cache.get("1") is None


def test_others_go_on_when_it_is_cleared(make):
    one, other = make(), make()
    one.put("key", b"data")
    assert other.get("key") == b"data"
    one.clear()
    assert other.get("key") is None
    other.put("key", b"new")
    assert one.get("key") == b"new"


# --- within its size ------------------------------------------------------------------------


def test_what_was_used_longest_ago_goes(make, monkeypatch):
    now = iter(range(10**6))
    monkeypatch.setattr("time.time", lambda: float(next(now)))
    cache = make(2 * MEGABYTE)
    for n in range(10):
        cache.put(str(n), bytes(100_000))
    assert cache.get("0")
    for n in range(10, 22):
        cache.put(str(n), bytes(100_000))
    assert cache.get("0")
    assert cache.get("21")
    assert cache.get("1") is None


def test_it_stays_within_its_size(make, directory):
    cache = make(2 * MEGABYTE)
    sizes = [100, 3_000, 50_000, 900_000, 10_000]
    for n in range(100):
        cache.put(str(n), os.urandom(sizes[n % 5]))
        assert on_disk(directory) <= 2 * MEGABYTE
        assert cache.get(str(n)) is not None
    assert cache.usage().size > MEGABYTE


def test_what_would_fill_half_of_it_is_not_kept(make):
    cache = make(MEGABYTE)
    cache.put("small", b"data")
    cache.put("large", bytes(500_001))
    assert cache.get("large") is None
    assert cache.get("small") == b"data"


FILL = """
import os, sys
from pathlib import Path
from dataflow.storage.cache import DiskCache
cache = DiskCache(Path(sys.argv[1]), 10_000_000)
noise = os.urandom(200_000)
for n in range(500):
    key = f"{sys.argv[2]}-{n}"
    cache.put(key, noise)
    assert cache.get(key) in (noise, None)
"""


@pytest.mark.integration
def test_two_processes_fill_it_to_ten_times_its_size(directory, make):
    fillers = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", FILL, directory, name],
            cwd=ROOT,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in "ab"
    ]
    most = 0
    while running := [filler for filler in fillers if filler.poll() is None]:
        for filler in running:  # else files would come and go while they are counted
            os.kill(filler.pid, signal.SIGSTOP)
            os.waitid(os.P_PID, filler.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        most = max(most, on_disk(directory))
        for filler in running:
            os.kill(filler.pid, signal.SIGCONT)
        time.sleep(0.01)
    assert [filler.communicate()[1] for filler in fillers] == ["", ""]
    assert [filler.returncode for filler in fillers] == [0, 0]
    # What each of them is just writing, and the one that it dropped for that.
    assert most <= 10 * MEGABYTE + 4 * 200_000
    assert most > 9 * MEGABYTE
    assert make().usage().size <= 10 * MEGABYTE
    assert make().usage().objects > 40


# --- private --------------------------------------------------------------------------------


def test_nobody_else_looks_in(make, directory):
    old = os.umask(0)
    try:
        make().put("key", bytes(10_000))
    finally:
        os.umask(old)
    for path in (directory, directory / "objects"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_directory_where_others_may_write(directory):
    directory.mkdir(parents=True)
    directory.chmod(0o770)
    with pytest.raises(UsageError) as caught:
        DiskCache(directory, MEGABYTE)
    assert str(caught.value) == (
        f"others may write in the cache {directory}: chmod go-w {directory}, or name another "
        "directory in DATAFLOW_CACHE_DIR"
    )


@pytest.mark.parametrize("link", [False, True])
def test_a_directory_of_somebody_else(directory, tmp_path, monkeypatch, link):
    theirs = tmp_path / "theirs" if link else directory
    theirs.mkdir(parents=True)
    if link:
        directory.parent.mkdir()
        directory.symlink_to(theirs)
    monkeypatch.setattr(os, "geteuid", lambda: theirs.stat().st_uid + 1)
    with pytest.raises(UsageError) as caught:
        DiskCache(directory, MEGABYTE)
    uid = theirs.stat().st_uid
    assert str(caught.value) == (
        f"the cache {directory} belongs to user {uid} and not to you (user {uid + 1}): name "
        "another directory in DATAFLOW_CACHE_DIR"
    )
    assert list(theirs.iterdir()) == []


def test_nothing_else_in_the_directory_is_touched(make, directory):
    directory.mkdir(parents=True)
    (directory / "mine").write_text("kept")
    cache = make()
    cache.put("key", b"data")
    cache.clear()
    assert (directory / "mine").read_text() == "kept"


# --- no pickles -------------------------------------------------------------------------------


class Attack:
    def __reduce__(self):
        return os._exit, (66,)


def test_a_pickle_that_was_planted_is_damage(make, directory, caplog):
    make().put("key", b"data")
    planted = sqlite3.Binary(pickle.dumps(Attack()))
    with closing(sqlite3.connect(directory / "objects" / "cache.db")) as file:
        file.execute("UPDATE Cache SET mode = 4, value = ?", (planted,))
        file.commit()
    assert make().get("key") is None
    assert "the cache holds what is no bytes" in caplog.text
    assert make().usage().objects == 0


def test_what_is_no_bytes_is_not_taken(make):
    cache = make()
    for key, value in (("key", "text"), ("key", 1), (b"key", b"data"), (("k", 1), b"data")):
        cache.put(key, value) if type(value) is bytes else cache._open()
        with pytest.raises(sqlite3.DatabaseError):
            cache._open()._cache.set(key, value)


# --- never in the way ---------------------------------------------------------------------------


def broken(name):
    def break_it(objects):
        (objects / "cache.db").write_bytes(name)
        for log in objects.glob("cache.db-*"):
            log.unlink()

    return break_it


def cut(objects):
    file = objects / "cache.db"
    file.write_bytes(file.read_bytes()[:-5000])


def overwritten(objects):
    file = objects / "cache.db"
    data = bytearray(file.read_bytes())
    data[4096:] = b"\xaa" * (len(data) - 4096)
    file.write_bytes(data)


def other_tables(objects):
    (objects / "cache.db").unlink()
    with closing(sqlite3.connect(objects / "cache.db")) as file:
        file.execute("CREATE TABLE Cache (x)")
        file.execute("CREATE TABLE Settings (key, value)")
        file.commit()


@pytest.mark.parametrize("damage", [broken(b"nonsense" * 999), cut, overwritten, other_tables])
@pytest.mark.parametrize("running", [False, True])
def test_a_damaged_cache_is_emptied(make, directory, caplog, damage, running):
    cache = make()
    for n in range(50):
        cache.put(str(n), bytes(3_000))
    cache.close()
    if not running:
        cache = make()
    damage(directory / "objects")
    cache.get("1")
    cache.put("key", b"data")
    assert cache.get("key") == b"data"
    assert caplog.text.count("is damaged") <= 1


def test_a_cache_that_is_taken_away_comes_back(make, directory):
    cache = make()
    cache.put("key", b"data")
    shutil.rmtree(directory / "objects")
    (directory / "objects").mkdir(mode=0o700)
    assert cache.get("key") is None
    cache.put("key", b"data")
    assert cache.get("key") == b"data"


def test_a_cache_that_others_hold_up(make, directory, caplog, monkeypatch):
    monkeypatch.setattr(cache_module, "_PATIENCE", 0.01)
    cache = make()
    cache.put("key", b"data")
    with closing(sqlite3.connect(directory / "objects" / "cache.db")) as file:
        file.execute("BEGIN EXCLUSIVE")
        assert cache.get("key") is None
        cache.put("other", b"data")
    assert caplog.text.count("cannot be used now: other processes are writing to it") == 1
    assert cache.get("key") == b"data"


def test_a_full_disk(make, caplog, monkeypatch):
    cache = make()
    cache.put("key", b"data")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("diskcache.core.Disk._write", full)
        cache.put("large", bytes(100_000))
    assert "No space left on device" in caplog.text
    assert cache.get("key") == b"data"
    assert cache.get("large") is None


def test_a_file_that_is_gone(make, directory):
    cache = make()
    cache.put("key", bytes(10_000))
    for file in directory.rglob("*.val"):
        file.unlink()
    assert cache.get("key") is None
