import pytest

from medrecon.diffusion.fixtures import mixture


@pytest.fixture
def make_mixture():
    return mixture
