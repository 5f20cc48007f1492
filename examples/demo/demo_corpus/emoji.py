"""Which emoji show what: code points by category, up to Unicode 13, whose names Python 3.11 has."""

from __future__ import annotations

from collections.abc import Iterator

CATEGORIES: dict[str, dict[str, str]] = {
    "animal": {
        "mammal": (
            "1F400-1F408 1F40E-1F412 1F415-1F418 1F428-1F42A 1F42D-1F431 1F434-1F437 1F439-1F43C "
            "1F43F 1F638-1F640 1F648-1F64A 1F981 1F984 1F987 1F98A 1F98C 1F98D 1F98F 1F992-1F994 "
            "1F998 1F999 1F99B 1F99D 1F9A1 1F9A3 1F9A5-1F9A8 1F9AB 1F9AC 1F9AE"
        ),
        "bird": (
            "1F413 1F414 1F423-1F427 1F54A 1F983 1F985 1F986 1F989 1F99A 1F99C 1F9A2 1F9A4 1F9A9 "
            "1FAB6"
        ),
        "fish": (
            "1F40B 1F419-1F41A 1F41F-1F421 1F42C 1F433 1F980 1F988 1F990 1F991 1F99E 1F9AA 1F9AD"
        ),
        "insect": "1F40C 1F41B-1F41E 1F577 1F578 1F982 1F98B 1F997 1F99F 1FAB0-1FAB3",
    },
    "object": {
        "food": (
            "1F32D-1F330 1F336 1F33D 1F344-1F370 1F372 1F373 1F375-1F37B 1F37E 1F37F 1F382 "
            "1F950-1F95F 1F960 1F961 1F964-1F96F 1F9C0-1F9CB 1FAD0-1FAD6"
        ),
        "plant": (
            "1F331-1F335 1F337-1F33C 1F33E-1F343 1F384 1F38B 1F38D 1F490 1F4AE 1F940 1FAB4 2618 "
            "1F3F5"
        ),
        "building": (
            "1F3D7-1F3DC 1F3DF-1F3E6 1F3E8-1F3ED 1F3EF 1F3F0 1F54B-1F54D 1F492 1F5FC 1F5FD 1F6D5 "
            "1F6D6 26EA 26FA 26F2 26E9 1F3AA"
        ),
        "vehicle": (
            "1F680-1F688 1F68A-1F68E 1F690-1F6A4 1F6B2 1F6E5 1F6E9 1F6EB 1F6EC 1F6F0 1F6F3-1F6F8 "
            "1F6FA 1F6FB 1F3CD 1F3CE 26F4 26F5 2708 1F6F9 1F9BC 1F9BD"
        ),
        "clothes": (
            "1F451-1F462 1F392 1F393 1F3A9 1F3BD 1F576 1F97B-1F97F 1F9E2-1F9E6 1FA70-1FA74 1F9BA "
            "1FA96 26D1"
        ),
        "tool": (
            "1F526-1F52A 1F52C 1F52D 1F50D 1F50E 2692-2694 2699 2702 270F 2712 26CF 1F6E0 1F6E1 "
            "1F5E1 1FA91-1FA95 1FA9A-1FA9D 1FAA0-1FAA3 1F9F0 1F9F2 1F9F9 1F5DC 1F4CF 1F4D0 "
            "1F58A-1F58D 1F4CE 1F4CC 1F9F7 1FAA1 1F5DD 1F511 1F512"
        ),
    },
}


def code_points(spec: str) -> Iterator[int]:
    """Yield the code points of ranges such as `1F400-1F408 1F43F`."""
    for part in spec.split():
        first, _, last = part.partition("-")
        yield from range(int(first, 16), int(last or first, 16) + 1)
