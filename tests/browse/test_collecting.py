"""The collector of garbage is as it was, whatever happens while very much is read."""

import gc

import pytest

from apsi.browse.collecting import no_collecting


def test_it_waits_and_goes_on_however_the_block_ends() -> None:
    assert gc.isenabled()
    with pytest.raises(KeyError), no_collecting():
        assert not gc.isenabled()
        with no_collecting():
            pass
        assert not gc.isenabled()
        raise KeyError
    assert gc.isenabled()
