"""The contract of every write-once storage, whatever its backend."""

import threading

import pytest
from django.core.files.base import ContentFile

from dali.lib.objects.notes import MOST_NOTE_CHARACTERS
from dali.lib.objects.storage import InvalidKeyError, WriteOnceStorage

HOSTILE_KEYS = [
    "", "/", "/etc/passwd", "..", "../x", "a/../b", "a/..", "a//b", "a/", "./a", "a/./b", ".drafts/x", "a/.hidden",
    "a\\b", "a b", "a\nb", "a\x00b", "~/x", "a:b", "a*", "a/%2e%2e/b", "ä", "١", "C:x", "x" * 301, "a/" + "y" * 201,
]  # fmt: skip


class WriteOnceContract:
    """Subclasses provide a fixture `storage`."""

    def test_a_new_key_is_written(self, storage: WriteOnceStorage) -> None:
        assert storage.put_once("project/1/orig/0", b"\x89PNG", media_type="image/png") is True
        assert storage.read("project/1/orig/0") == b"\x89PNG"
        assert storage.exists("project/1/orig/0") is True

    def test_a_taken_key_keeps_its_bytes(self, storage: WriteOnceStorage) -> None:
        storage.put_once("a/0", b"first", media_type="image/png")
        assert storage.put_once("a/0", b"second", media_type="image/webp") is False
        assert storage.read("a/0") == b"first"

    def test_an_empty_object_can_be_stored(self, storage: WriteOnceStorage) -> None:
        assert storage.put_once("a/empty", b"", media_type="image/png") is True
        assert storage.put_once("a/empty", b"x", media_type="image/png") is False
        assert storage.read("a/empty") == b""

    def test_a_missing_key_is_not_found(self, storage: WriteOnceStorage) -> None:
        assert storage.exists("a/none") is False
        with pytest.raises(FileNotFoundError, match="a/none"):
            storage.read("a/none")

    def test_an_object_has_a_size(self, storage: WriteOnceStorage) -> None:
        storage.put_once("a/b/0", b"12345", media_type="image/png")
        storage.put_once("a/empty", b"", media_type="image/png")
        assert (storage.size_of("a/b/0"), storage.size_of("a/empty")) == (5, 0)
        for key in ("a/none", "a/b", "a/b/0/c"):
            with pytest.raises(FileNotFoundError):
                storage.size_of(key)

    def test_the_objects_below_a_folder_are_listed_without_notes(self, storage: WriteOnceStorage) -> None:
        keys = {"a/b/0", "a/b/c/1", "a/2", "ab/3", "a.b/4", "5"}
        for key in keys:
            storage.put_once(key, b"x", media_type="image/png", note={"n": 1})
        assert set(storage.keys_below("a")) == {"a/b/0", "a/b/c/1", "a/2"}
        assert set(storage.keys_below("a/b")) == {"a/b/0", "a/b/c/1"}
        assert list(storage.keys_below("a/2")) == []
        assert list(storage.keys_below("none")) == []

    def test_a_folder_is_not_an_object(self, storage: WriteOnceStorage) -> None:
        storage.put_once("a/b/c", b"x", media_type="image/png")
        assert storage.exists("a/b") is False
        with pytest.raises(FileNotFoundError):
            storage.read("a/b")

    def test_delete_removes_an_object_and_ignores_a_missing_one(self, storage: WriteOnceStorage) -> None:
        storage.put_once("a/0", b"first", media_type="image/png")
        storage.delete("a/0")
        storage.delete("a/0")
        assert storage.exists("a/0") is False
        assert storage.put_once("a/0", b"second", media_type="image/png") is True

    def test_a_hostile_key_is_refused_by_every_method(self, storage: WriteOnceStorage) -> None:
        for key in HOSTILE_KEYS:
            with pytest.raises(InvalidKeyError):
                storage.put_once(key, b"x", media_type="image/png")
            with pytest.raises(InvalidKeyError):
                storage.read(key)
            with pytest.raises(InvalidKeyError):
                storage.exists(key)
            with pytest.raises(InvalidKeyError):
                storage.read_note(key)
            with pytest.raises(InvalidKeyError):
                storage.size_of(key)
            with pytest.raises(InvalidKeyError):
                list(storage.keys_below(key))
            with pytest.raises(InvalidKeyError):
                storage.delete(key)

    def test_one_of_twenty_simultaneous_writers_wins(self, storage: WriteOnceStorage) -> None:
        contents = [bytes([number]) * 300_000 for number in range(20)]
        results: list[tuple[bool, bytes]] = []
        start = threading.Barrier(20)

        def write(content: bytes) -> None:
            start.wait()
            results.append((storage.put_once("a/raced", content, media_type="image/png"), content))

        threads = [threading.Thread(target=write, args=(content,)) for content in contents]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        winners = [content for is_written, content in results if is_written]
        assert len(results) == 20
        assert winners == [storage.read("a/raced")]

    def test_a_note_is_stored_with_its_object(self, storage: WriteOnceStorage) -> None:
        note = {
            "costUsd": 0.042,
            "of": 'two  spaces, "quotes", äöü \n 日本',
            "units": {"images": 1},
            "seed": None,
        }
        storage.put_once("project/1/orig/0", b"x", media_type="image/png", note=note)
        assert storage.read_note("project/1/orig/0") == note
        assert storage.read("project/1/orig/0") == b"x"

    def test_an_object_without_a_note_has_none(self, storage: WriteOnceStorage) -> None:
        storage.put_once("a/0", b"x", media_type="image/png")
        assert storage.read_note("a/0") is None
        assert storage.read_note("a/none") is None
        assert storage.read_note("none/none") is None

    def test_a_taken_key_keeps_its_note(self, storage: WriteOnceStorage) -> None:
        storage.put_once("a/0", b"first", media_type="image/png", note={"n": 1})
        assert storage.put_once("a/0", b"first", media_type="image/png", note={"n": 2}) is False
        assert storage.put_once("a/0", b"second", media_type="image/png") is False
        assert storage.read_note("a/0") == {"n": 1}

    def test_a_note_is_deleted_with_its_object(self, storage: WriteOnceStorage) -> None:
        storage.put_once("a/0", b"first", media_type="image/png", note={"n": 1})
        storage.delete("a/0")
        assert storage.read_note("a/0") is None
        storage.put_once("a/0", b"second", media_type="image/png")
        assert storage.read_note("a/0") is None

    def test_the_note_belongs_to_the_winner_of_twenty_simultaneous_writers(
        self, storage: WriteOnceStorage
    ) -> None:
        start = threading.Barrier(20)

        def write(number: int) -> None:
            start.wait()
            storage.put_once(f"a/{number % 2}", b"%d" % number, media_type="image/png", note={"n": number})

        threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for key in ("a/0", "a/1"):
            assert storage.read_note(key) == {"n": int(storage.read(key))}

    def test_a_note_of_the_maximum_length_is_kept_and_a_longer_one_dropped(
        self, storage: WriteOnceStorage
    ) -> None:
        longest = {"t": "x" * (MOST_NOTE_CHARACTERS - len('{"t":""}'))}
        storage.put_once("a/0", b"x", media_type="image/png", note=longest)
        assert storage.read_note("a/0") == longest
        assert storage.put_once("a/1", b"x", media_type="image/png", note={"t": "x" * 1500}) is True
        assert storage.read_note("a/1") is None

    def test_save_neither_renames_nor_overwrites(self, storage: WriteOnceStorage) -> None:
        assert storage.save("a/saved", ContentFile(b"first")) == "a/saved"
        with pytest.raises(FileExistsError):
            storage.save("a/saved", ContentFile(b"second"))
        with storage.open("a/saved") as file:
            assert file.read() == b"first"

    def test_an_object_is_never_opened_for_writing(self, storage: WriteOnceStorage) -> None:
        storage.put_once("a/0", b"first", media_type="image/png")
        with pytest.raises(ValueError, match="put once"):
            storage.open("a/0", "wb")
        assert storage.read("a/0") == b"first"

    def test_an_object_has_no_url(self, storage: WriteOnceStorage) -> None:
        storage.put_once("a/0", b"first", media_type="image/png")
        with pytest.raises(NotImplementedError):
            storage.url("a/0")
