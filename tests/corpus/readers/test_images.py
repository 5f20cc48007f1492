"""Images of samples: those that break off."""

from __future__ import annotations

import pytest

from mixatlas.corpus.readers.columns import Unusable
from mixatlas.corpus.readers.images import checked_image
from raw_sources import picture

JPEG = picture(0, "JPEG", size=(256, 256))


@pytest.mark.parametrize("end", range(100, len(JPEG), 37))
def test_a_jpeg_is_whole_or_broken_wherever_it_is_cut(end: int) -> None:
    assert checked_image("1.jpg", JPEG).content == JPEG
    with pytest.raises(Unusable, match=r"image 1\.jpg: "):
        checked_image("1.jpg", JPEG[:end])
