"""DVC's hashes, judged by DVC's own code."""

from __future__ import annotations

import hashlib
import json

import pytest
from dvc_data.hashfile.hash_info import HashInfo
from dvc_data.hashfile.tree import Tree
from hypothesis import given
from hypothesis import strategies as st

from lastro.operations.lineage import hashes

# A lone surrogate is how Python shows a file name that is not UTF-8.
NAMES = st.text(st.characters(exclude_characters="/\0"), min_size=1, max_size=8) | st.just("\udcff.csv")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
DIGESTS = st.binary(max_size=4).map(lambda content: hashlib.md5(content).hexdigest())


@given(st.dictionaries(PATHS, DIGESTS, max_size=6))
def test_folder_hash_is_dvcs(files):
    tree = Tree()
    for path, digest in files.items():
        tree.add(tuple(path.split("/")), None, HashInfo("md5", digest))
    tree.digest()

    assert hashes.folder_md5(files) == tree.hash_info.value


def test_a_file_is_hashed_as_it_is(tmp_path):
    content = b"a\r\nb\0" * 500_000  # longer than what is read at once
    (tmp_path / "file").write_bytes(content)

    assert hashes.file_md5(tmp_path / "file") == hashlib.md5(content).hexdigest()


def test_a_cached_list_is_read_back(tmp_path):
    files = {"a.csv": "0" * 32, "deep/b.csv": "1" * 32}
    md5 = hashes.folder_md5(files)
    place = tmp_path / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps([{"md5": digest, "relpath": path} for path, digest in sorted(files.items())]))

    assert hashes.cached_folder(tmp_path, md5) == files


@pytest.mark.parametrize("content", [None, b"", b"[]", b"{", b'[{"md5": 1}]'])
def test_a_cached_list_that_is_not_what_its_name_says_is_no_list(tmp_path, content):
    md5 = hashes.folder_md5({"a.csv": "0" * 32})
    place = tmp_path / ".dvc/cache/files/md5" / md5[:2] / md5[2:]
    place.parent.mkdir(parents=True)
    if content is not None:
        place.write_bytes(content)

    assert hashes.cached_folder(tmp_path, md5) is None
