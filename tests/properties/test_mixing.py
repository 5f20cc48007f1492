"""Token mixing: shares are exact at every prefix, whatever the lengths and the weights."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from mixatlas.contract.mixture import PPM, largest_remainder
from mixatlas_trainer.mixing import Mixer


@st.composite
def mixings(draw: st.DrawFn) -> tuple[list[int], list[list[int]]]:
    """Weights of 2 to 64 domains, some of them zero, and each one's sample lengths, 1 to 4096."""
    n = draw(st.integers(2, 64))
    # Lists of lists take hypothesis longer to draw than the mixer to mix.
    rng = random.Random(draw(st.integers(0, 2**32)))
    shares = [rng.choice((0, 1, 30, 1000)) for _ in range(n)]
    shares[0] += not any(shares)
    lengths = [
        [rng.randint(1, longest) for _ in range(4)]
        for longest in rng.choices((1, 8, 100, 4096), k=n)
    ]
    if draw(st.booleans()):
        # The hard case for rules without "not ahead": one domain as heavy as all others together.
        shares, lengths = [n - 1] + [1] * (n - 1), [[100]] * n
    ppm = largest_remainder({str(i): share for i, share in enumerate(shares)})
    return list(ppm.values()), lengths


@given(mixings())
def test_no_domain_strays_from_its_share_by_more_than_the_longest_sample(
    mixing: tuple[list[int], list[list[int]]],
) -> None:
    ppm, lengths = mixing
    longest = max(max(row) for row in lengths)
    mixer, drawn = Mixer(ppm), [0] * len(ppm)
    for _ in range(100):
        domain, tokens = mixer.take(lambda d: lengths[d][drawn[d] % len(lengths[d])])
        assert tokens == lengths[domain][drawn[domain] % len(lengths[domain])]
        drawn[domain] += 1
        for weight, taken in zip(ppm, mixer.taken, strict=True):
            # The contract allows twice as much.
            assert abs(taken * PPM - weight * mixer.total) <= longest * PPM
            assert weight or not taken


@given(mixings(), st.integers(0, 30))
def test_a_restored_mixer_goes_on_as_if_it_had_never_stopped(
    mixing: tuple[list[int], list[list[int]]], n_before: int
) -> None:
    ppm, lengths = mixing
    whole = Mixer(ppm)
    for _ in range(n_before):
        whole.take(lambda d: lengths[d][0])
    resumed = Mixer(ppm)
    resumed.restore(whole.taken)
    for _ in range(20):
        assert resumed.take(lambda d: lengths[d][0]) == whole.take(lambda d: lengths[d][0])
