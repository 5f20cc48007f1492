"""One thread inside, the old number after."""

from __future__ import annotations

import torch

from mixatlas.surrogate.threads import single_thread


def test_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        with single_thread():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
