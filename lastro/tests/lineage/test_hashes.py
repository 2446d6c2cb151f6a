"""DVC's hashes."""

from __future__ import annotations

import hashlib

from lastro.operations.lineage import dvc as hashes


def test_a_file_is_hashed_as_it_is(tmp_path):
    content = b"a\r\nb\0" * 500_000  # longer than what is read at once
    (tmp_path / "file").write_bytes(content)

    assert hashes.file_md5(tmp_path / "file") == hashlib.md5(content).hexdigest()


def test_a_folder_is_hashed_by_its_sorted_list():
    # A lone surrogate is how Python shows a file name that is not UTF-8.
    files = {"deep/b.csv": "1" * 32, "a.csv": "0" * 32, "\udcff.csv": "2" * 32}
    listing = ", ".join(f'{{"md5": "{files[path]}", "relpath": {name}}}' for path, name in (
        ("a.csv", '"a.csv"'), ("deep/b.csv", '"deep/b.csv"'), ("\udcff.csv", '"\\udcff.csv"')
    ))  # fmt: skip

    assert hashes.folder_md5(files) == hashlib.md5(f"[{listing}]".encode()).hexdigest() + ".dir"
