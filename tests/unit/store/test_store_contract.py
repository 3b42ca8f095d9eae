"""One contract for every store; later stores join the list of makers."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from csi.errors import BadSettings, Busy
from csi.store.memory import MemoryStore
from csi.store.port import Store
from csi.store.sqlite import SqliteStore

MAKERS: dict[str, Callable[[Path], Store]] = {
    "memory": lambda _: MemoryStore(),
    "sqlite": lambda folder: SqliteStore(folder / "journal.db"),
}


@pytest.fixture(params=sorted(MAKERS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    made = MAKERS[request.param](tmp_path)
    yield made
    made.close()


def test_what_was_put_is_found(store: Store) -> None:
    entry = store.put("saga/a", "{}", expect=0)
    assert store.get("saga/a") == entry
    assert store.get("saga/b") is None


def test_a_prefix_lists_its_own_keys_in_order(store: Store) -> None:
    for key in ("saga/b", "saga/a", "sagas", "node/a", "saga%"):
        store.put(key, key, expect=None)
    assert [entry.key for entry in store.list("saga/")] == ["saga/a", "saga/b"]


def test_a_key_that_must_not_exist_is_refused_when_it_does(store: Store) -> None:
    store.put("k", "1", expect=0)
    with pytest.raises(Busy):
        store.put("k", "2", expect=0)
    assert (entry := store.get("k")) is not None
    assert entry.text == "1"


def test_a_stale_revision_changes_nothing(store: Store) -> None:
    first = store.put("k", "1", expect=None)
    second = store.put("k", "2", expect=first.revision)
    assert second.revision > first.revision
    for change in (
        lambda: store.put("k", "3", expect=first.revision),
        lambda: store.delete("k", expect=first.revision),
    ):
        with pytest.raises(Busy):
            change()
    assert store.get("k") == second


def test_a_key_never_gets_a_revision_back(store: Store) -> None:
    first = store.put("k", "1", expect=None)
    store.delete("k")
    assert store.put("k", "1", expect=0).revision > first.revision


def test_deleting_what_is_gone_is_fine(store: Store) -> None:
    store.delete("k")
    store.delete("k", expect=0)


def test_sixteen_threads_lose_no_update(store: Store) -> None:
    store.put("count", "0", expect=None)

    def add() -> None:
        for _ in range(20):
            while True:
                entry = store.get("count")
                assert entry is not None
                try:
                    store.put("count", str(int(entry.text) + 1), expect=entry.revision)
                except Busy:
                    continue
                break

    threads = [threading.Thread(target=add) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert (entry := store.get("count")) is not None
    assert entry.text == "320"


def test_a_sqlite_store_is_there_again_after_a_restart(tmp_path: Path) -> None:
    first = SqliteStore(tmp_path / "state" / "journal.db")
    first.put("saga/a", "text", expect=0)
    first.close()
    second = SqliteStore(tmp_path / "state" / "journal.db")
    assert [entry.text for entry in second.list("")] == ["text"]
    assert (tmp_path / "state" / "journal.db").stat().st_mode & 0o077 == 0
    second.close()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"not a database, " * 100)
    with pytest.raises(BadSettings, match="cannot open the journal") as caught:
        SqliteStore(path)
    assert str(path) in str(caught.value)
