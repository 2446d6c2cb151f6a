"""The committed dvc.lock is what the code, the data and the parameters say."""

from lastro.project import outdated


def test_lock_is_up_to_date():
    assert outdated() == []
