from __future__ import annotations

import pytest

from mixatlas_trainer.mixing import Mixer


def test_a_domain_whose_turn_is_far_off_is_not_looked_into() -> None:
    asked: list[int] = []

    def cost_of(domain: int) -> int:
        asked.append(domain)
        return 20

    mixer = Mixer([499_999, 500_000, 1])
    for _ in range(100):
        mixer.take(cost_of)

    assert set(asked) == {0, 1}


@pytest.mark.parametrize("ppm", [[500_000, 400_000], [1_100_000, -100_000]])
def test_weights_that_are_no_mixture_are_refused(ppm: list[int]) -> None:
    with pytest.raises(ValueError, match="1,000,000 ppm"):
        Mixer(ppm)


def test_a_state_of_other_domains_is_refused() -> None:
    with pytest.raises(ValueError, match="another number"):
        Mixer([500_000, 500_000]).restore([1, 2, 3])
