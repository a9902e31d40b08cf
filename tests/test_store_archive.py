"""Exports carry states whole; imports trust nothing."""

from __future__ import annotations

import json
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from state_store.archive import export_states, import_states
from state_store.blob import encode_blob
from state_store.errors import (
    DamagedArchive,
    DamagedStateWarning,
    StoreError,
    StoreVersionError,
    StoreWriteError,
)
from state_store.key import Key, digest
from state_store.store import StateStore
from state_store.verify import verify

PILOT = digest("pilot")
LIKE = np.zeros(3)


def key(segment: int, context: str = "context") -> Key:
    return Key(digest(context), digest(segment))


def names(store: StateStore) -> set[str]:
    return {name for name, _ in store.blobs()}


@pytest.fixture
def here(tmp_path: Path) -> StateStore:
    store = StateStore(tmp_path / "here")
    store.put_document("pilots", PILOT, {"levels": np.arange(3)}, {"segments": [digest(1)]})
    store.put_document("encoders", digest("other"), {}, {})
    for i in (1, 2):
        store.put(key(i), np.full(3, float(i)), {"pilot": PILOT, "rows": i})
    store.put(key(3, "second"), np.full(3, 3.0))
    return store


@pytest.fixture
def there(tmp_path: Path) -> StateStore:
    return StateStore(tmp_path / "there")


def pack(path: Path, members: dict[str, bytes] | list[tuple[str, bytes]], **about: object) -> Path:
    """Write an archive as a stranger might; ``about`` replaces parts of a correct ``archive.json``."""
    pairs = list(members.items()) if isinstance(members, dict) else members
    listed = {"format": 1, "blobs": {name: len(data) for name, data in pairs}} | about
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name, data in [*pairs, ("archive.json", json.dumps(listed).encode())]:
            archive.writestr(zipfile.ZipInfo(name), data)
    return path


def blob(name: str, value: float = 1.0) -> bytes:
    return encode_blob({"state": np.full(3, value)}, {}, name=name)


def test_an_export_carries_everything_to_another_store(here, there, tmp_path):
    made = export_states(here, tmp_path / "out" / "states.zip")
    assert (made.leaves, made.documents, made.bytes) == (3, 2, here.total_bytes)
    done = import_states(there, made.path)
    assert (done.added, done.present, done.kept, done.bytes) == (5, 0, (), here.total_bytes)
    assert names(there) == names(here)
    assert there.get(key(2), LIKE).tolist() == [2, 2, 2]
    assert there.get_document("pilots", PILOT).arrays["levels"].tolist() == [0, 1, 2]
    assert [e.about for e in there.list()].count({"pilot": PILOT, "rows": 1}) == 1
    assert verify(there).ok


def test_an_export_of_a_context_takes_the_documents_it_refers_to(here, there, tmp_path):
    made = export_states(here, tmp_path / "states.zip", contexts=[key(1).context])
    assert (made.leaves, made.documents) == (2, 1)
    import_states(there, made.path)
    assert names(there) == {key(1).name, key(2).name, f"documents/pilots/{PILOT}"}


def test_an_export_of_a_context_without_leaves_is_refused(here, tmp_path):
    with pytest.raises(StoreError, match=digest("nothing")):
        export_states(here, tmp_path / "states.zip", contexts=[digest("nothing")])
    assert not (tmp_path / "states.zip").exists()


def test_two_exports_of_one_store_are_the_same_bytes(here, tmp_path):
    first, second = (export_states(here, tmp_path / name).path for name in "ab")
    assert first.read_bytes() == second.read_bytes()


def test_a_second_import_finds_everything_there(here, there, tmp_path):
    path = export_states(here, tmp_path / "states.zip").path
    import_states(there, path)
    again = import_states(there, path)
    assert (again.added, again.present, again.kept) == (0, 5, ())


def test_the_same_state_computed_elsewhere_counts_as_there(here, there, tmp_path):
    there.put(key(1), np.full(3, 1.0), {"computed": "elsewhere"})
    there.put(key(2), np.full(3, 2.5))
    done = import_states(there, export_states(here, tmp_path / "states.zip").path)
    assert (done.added, done.present, done.kept) == (3, 1, (key(2).name,))
    assert there.get(key(2), LIKE)[0] == 2.5
    assert there.about(key(1)) == {"computed": "elsewhere"}


def test_an_import_mends_a_damaged_blob(here, there, tmp_path):
    there.put(key(1), np.full(3, 1.0))
    (there.location / key(1).name).write_bytes(b"damaged")
    with pytest.warns(DamagedStateWarning, match=key(1).name):
        assert import_states(there, export_states(here, tmp_path / "states.zip").path).added == 5
    assert there.get(key(1), LIKE)[0] == 1


def test_an_export_leaves_a_damaged_blob_out_and_says_so(here, there, tmp_path):
    path = here.location / key(1).name
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.warns(DamagedStateWarning, match=key(1).name):
        made = export_states(here, tmp_path / "states.zip")
    assert made.leaves == 2
    assert import_states(there, made.path).added == 4


def test_an_export_that_cannot_be_written_leaves_nothing(here, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreWriteError, match=r"file/states\.zip"):
        export_states(here, tmp_path / "file" / "states.zip")
    (tmp_path / "states.zip").mkdir()
    with pytest.raises(StoreWriteError, match=r"states\.zip"):
        export_states(here, tmp_path / "states.zip")
    assert not list(tmp_path.glob(".*"))


GOOD = key(1).name
HOSTILE_NAMES = [
    "../evil",
    "/etc/evil",
    "leaves/../../evil",
    "leaves/ab",
    "store.json",
    "leaves/",
    "",
    "a" * 300,
]
HOSTILE_NAMES += [f"{GOOD}/x", f"./{GOOD}", f"{GOOD}.tmp", GOOD.upper(), f"{GOOD}\0.txt", f"{GOOD}\n"]
HOSTILE_NAMES += [f"pins/{'ab' * 20}", "locks/a.lock", "quarantine/x", "C:\\evil", GOOD.replace("/", "\\")]
HOSTILE_NAMES += ["documents/pilots", "documents/Pilots/ab", "documents/pilots/..", "documents/../ab"]


@pytest.mark.parametrize("name", HOSTILE_NAMES, ids=repr)
def test_a_name_that_is_none_of_a_blob_is_refused(there, tmp_path, name):
    before = sorted(tmp_path.rglob("*"))
    path = pack(tmp_path / "evil.zip", {GOOD: blob(GOOD), name: blob(name)})
    with pytest.raises(DamagedArchive):
        import_states(there, path)
    assert names(there) == set()
    assert sorted(tmp_path.rglob("*")) == sorted([*before, path])


@pytest.mark.parametrize("second", [blob(GOOD), blob(GOOD, 2.0)])
def test_a_name_that_comes_twice_is_refused(there, tmp_path, second):
    path = pack(tmp_path / "evil.zip", [(GOOD, blob(GOOD)), (GOOD, second)])
    with pytest.raises(DamagedArchive, match="twice"):
        import_states(there, path)
    assert names(there) == set()


def test_a_blob_under_another_name_or_of_other_content_is_refused(there, tmp_path):
    other = key(2).name
    for data in (blob(GOOD), b"", b"what", blob(other)[:-1] + b"?"):
        path = pack(tmp_path / "evil.zip", {GOOD: blob(GOOD), other: data})
        with pytest.raises(DamagedArchive, match=f"{other} is damaged.*nothing was imported"):
            import_states(there, path)
        assert names(there) == set()


@pytest.mark.parametrize(
    "about", [None, b"", b"{", b"[]", b"{}", b'{"format": "1"}', b'{"format": 0}', b"\xff", b"[" * 9999]
)
def test_a_zip_that_is_no_export_is_refused(there, tmp_path, about):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        archive.writestr(GOOD, blob(GOOD))
        if about is not None:
            archive.writestr("archive.json", about)
    with pytest.raises(DamagedArchive):
        import_states(there, tmp_path / "other.zip")
    assert names(there) == set()


@pytest.mark.parametrize("blobs", [None, [], {}, {GOOD: 1}, {GOOD: 296, key(2).name: 296}])
def test_an_export_that_does_not_hold_what_it_lists_is_refused(there, tmp_path, blobs):
    with pytest.raises(DamagedArchive, match="lists"):
        import_states(there, pack(tmp_path / "short.zip", {GOOD: blob(GOOD)}, blobs=blobs))
    assert names(there) == set()


def test_an_export_of_a_newer_version_says_to_upgrade(there, tmp_path):
    path = pack(tmp_path / "new.zip", {GOOD: blob(GOOD)}, format=3)
    with pytest.raises(StoreVersionError, match="upgrade"):
        import_states(there, path)


@pytest.mark.parametrize("data", [b"", b"PK", b"no zip at all" * 100], ids=["empty", "two bytes", "text"])
def test_a_file_that_is_no_zip_is_refused(there, tmp_path, data):
    (tmp_path / "x.zip").write_bytes(data)
    with pytest.raises(DamagedArchive, match=r"x\.zip"):
        import_states(there, tmp_path / "x.zip")


def test_a_file_that_is_not_there_or_is_a_directory_is_named(there, tmp_path):
    with pytest.raises(DamagedArchive, match=r"no file .*none\.zip"):
        import_states(there, tmp_path / "none.zip")
    with pytest.raises(DamagedArchive, match="directory"):
        import_states(there, tmp_path)


def test_compressed_members_are_refused_so_that_none_can_swell(there, tmp_path):
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive.json", '{"format": 1}', zipfile.ZIP_STORED)
        archive.writestr(GOOD, bytes(50_000_000))
    assert path.stat().st_size < 100_000
    with pytest.raises(DamagedArchive, match=r"claims to hold more|compressed"):
        import_states(there, path)


@pytest.mark.parametrize("claimed", [2**31, 2**32 - 2, 10_000_000])
def test_claimed_sizes_are_bounded_by_the_file(there, tmp_path, claimed):
    path = pack(tmp_path / "evil.zip", {GOOD: blob(GOOD)})
    data = bytearray(path.read_bytes())
    entry = data.index(b"PK\x01\x02")
    data[entry + 20 : entry + 28] = struct.pack("<II", claimed, claimed)
    path.write_bytes(data)
    with pytest.raises(DamagedArchive, match="claims to hold more"):
        import_states(there, path)
    assert names(there) == set()


def test_every_truncation_of_an_export_is_noticed(there, tmp_path):
    whole = pack(tmp_path / "states.zip", {GOOD: blob(GOOD)}).read_bytes()
    path = tmp_path / "short.zip"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(DamagedArchive):
            import_states(there, path)
    assert names(there) == set()


def test_no_flipped_byte_of_an_export_brings_in_another_state(tmp_path):
    data = blob(GOOD)
    whole = pack(tmp_path / "states.zip", {GOOD: data}).read_bytes()
    path, there, refused = tmp_path / "flipped.zip", StateStore(tmp_path / "there"), 0
    for place in range(len(whole)):
        altered = bytearray(whole)
        altered[place] ^= 0xFF
        path.write_bytes(altered)
        try:
            import_states(there, path)
        except (DamagedArchive, StoreVersionError):
            refused += 1
            assert names(there) == set()
        else:
            assert (there.location / GOOD).read_bytes() == data
            there.backend.delete(GOOD)
    assert refused > len(whole) // 2


def test_an_import_that_fails_midway_takes_out_what_it_had_added(here, there, tmp_path):
    path = export_states(here, tmp_path / "states.zip").path
    there.put(key(1), np.full(3, 1.0))
    (there.location / "leaves" / key(3, "second").context).write_text("in the way")
    with pytest.raises(StoreWriteError):
        import_states(there, path)
    assert names(there) == {key(1).name}
