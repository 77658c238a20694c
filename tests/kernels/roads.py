"""The kernels compiled with the tiles of Intel AMX, and without."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from hf_lmcourse.kernels import build
from hf_lmcourse.kernels.processor import has_amx

_COMPILER = os.environ.get("CXX") or "c++"

tiles_or_vectors = pytest.mark.parametrize("road", ["tiles", "vectors"], indirect=True)


@contextmanager
def compiled_for(road: str) -> Iterator[None]:
    """Take the kernels that this processor runs, or those for one without AMX."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CXX", _COMPILER if road == "tiles" else f"{_COMPILER} -mno-amx-tile")
        build.kernel.cache_clear()
        yield
    build.kernel.cache_clear()


@pytest.fixture(scope="module")
def road(request: pytest.FixtureRequest) -> Iterator[str]:
    """Either "tiles" or "vectors"; without AMX there are vectors alone."""
    if not has_amx() and request.param == "tiles":
        pytest.skip("this processor has no AMX")
    if not has_amx():
        yield request.param
        return
    with compiled_for(request.param):
        yield request.param
