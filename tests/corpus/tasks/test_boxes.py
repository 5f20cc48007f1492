"""Boxes are found in every notation, whatever their coordinates, and nothing else is one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mixatlas.contract.manifest import Turn
from mixatlas.corpus.tasks import TaskSettings, label_turn
from mixatlas.corpus.tasks.boxes import MAX_BOXES, NOTATIONS, find_boxes

Box = tuple[float, float, float, float]


@st.composite
def boxes(draw: st.DrawFn) -> Box:
    x0, x1 = sorted(draw(st.tuples(*[st.floats(0, 1, width=32)] * 2)))
    y0, y1 = sorted(draw(st.tuples(*[st.floats(0, 1, width=32)] * 2)))
    return x0, y0, x1, y1


def scaled(box: Box, size: int) -> tuple[int, ...]:
    return tuple(round(value * size) for value in box)


PRINTED = {
    "fractions": lambda box: "[" + ", ".join(f"{v:.3f}" for v in box) + "]",
    "fractions in parentheses": lambda box: "(" + ",".join(f"{v:.2f}" for v in box) + ")",
    "fractions as Python prints them": lambda box: str([round(v, 9) for v in box]),
    "pixels": lambda box: str(list(scaled(box, 4_000))),
    "fractions of a pixel": lambda box: str([round(v * 640, 2) for v in box]),
    "integers to 999": lambda box: str(list(scaled(box, 999))),
    "nested": lambda box: str([list(scaled(box, 999))]),
    "spaces": lambda box: "[" + " ".join(map(str, scaled(box, 999))) + "]",
    "Qwen-VL": lambda box: "<box>({},{}),({},{})</box>".format(*scaled(box, 999)),
    "Qwen2-VL": lambda box: "<|box_start|>({},{}),({},{})<|box_end|>".format(*scaled(box, 999)),
    "Qwen2.5-VL": lambda box: f'{{"bbox_2d": {list(scaled(box, 1_400))}}}',
    "InternVL": lambda box: f"<box>[{list(scaled(box, 999))}]</box>",
    "DeepSeek": lambda box: f"<|det|>[{list(scaled(box, 999))}]<|/det|>",
    "PaliGemma": lambda box: "".join(f"<loc{v:04}>" for v in scaled(box, 1_023)),
    "Florence": lambda box: "".join(f"<loc_{v}>" for v in scaled(box, 999)),
    "OFA": lambda box: " ".join(f"<bin_{v}>" for v in scaled(box, 999)),
    "DocOwl": lambda box: "<bbox>{},{},{},{}</bbox>".format(*scaled(box, 999)),
    "Kosmos": lambda box: "<patch_index_{:04}><patch_index_{:04}>".format(*scaled(box, 1_023)),
    "MiniGPT": lambda box: "{" + "".join(f"<{v}>" for v in scaled(box, 100)) + "}",
    "corners": lambda box: "({}, {}), ({}, {})".format(*scaled(box, 999)),
    "named sides": lambda box: '{{"xmin": {}, "ymin": {}, "xmax": {}, "ymax": {}}}'.format(
        *scaled(box, 999)
    ),
    "assigned": lambda box: "x1={}, y1={}, x2={}, y2={}".format(*scaled(box, 999)),
    "plain": lambda box: "{} {} {} {}".format(*scaled(box, 999)),
}
PLAIN = {"plain"}


def label_of(question: str, answer: str) -> str:
    turn = Turn(question=question, answer=answer)
    return label_turn(turn, has_image=True, settings=TaskSettings()).task


@pytest.mark.parametrize("notation", PRINTED)
@settings(max_examples=25)
@given(box=boxes())
def test_one_box_is_grounding(notation: str, box: Box) -> None:
    printed = PRINTED[notation](box)
    assert find_boxes(printed).n == 1
    assert label_of("Where is the red kite?", printed) == "grounding"


@pytest.mark.parametrize("notation", sorted(PRINTED.keys() - PLAIN))
@settings(max_examples=25)
@given(box=boxes())
def test_a_box_in_a_sentence_is_found(notation: str, box: Box) -> None:
    assert find_boxes(f"The kite is at {PRINTED[notation](box)}, above the trees.").n == 1


@pytest.mark.parametrize("notation", PRINTED)
@settings(max_examples=25)
@given(found=st.lists(boxes(), min_size=2, max_size=6))
def test_several_boxes_with_names_are_detection(notation: str, found: list[Box]) -> None:
    lines = "\n".join(f"kite {PRINTED[notation](box)}" for box in found)
    boxes_found = find_boxes(lines)
    assert boxes_found.n == len(found)
    assert boxes_found.are_labelled
    assert label_of("Find the kites.", lines) == "detection"


@pytest.mark.parametrize("notation", [notation.name for notation in NOTATIONS])
def test_the_example_of_a_notation_is_in_it(notation: str) -> None:
    example = next(one for one in NOTATIONS if one.name == notation)
    found = find_boxes(example.example)
    assert (found.n, found.are_sure) == (1, example.is_sure)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "12",
        "on 3, 4 and 5 May",
        "10, 20 and 30",
        "[0.1, 0.2]",
        "[1, 2, 3]",
        "[1, 2, 3, 4, 5]",
        "2010 2011 2012 2013 2014 2015",
        "(3, 4)",
        "<loc0001><loc0002>",
        "call 555 0142",
    ],
)
def test_other_numbers_are_no_box(text: str) -> None:
    assert find_boxes(text).n == 0


@pytest.mark.parametrize("answer", ["[10, 20, 30, 40]", "[[1, 2, 3, 4], [5, 6, 7, 8]]"])
def test_values_of_a_chart_are_no_box(answer: str) -> None:
    assert label_of("What are the values of the bars?", answer) == "vqa"


def test_probabilities_are_no_box() -> None:
    assert label_of("What is the chance of each outcome?", "[0.7, 0.1, 0.15, 0.05]") == "vqa"


def test_json_keys_name_nothing() -> None:
    bare = '[{"bbox_2d": [1, 2, 3, 4]}, {"bbox_2d": [5, 6, 7, 8]}]'
    named = bare.replace("}", ', "label": "cup"}')
    assert not find_boxes(bare).are_labelled
    assert find_boxes(named).are_labelled


def test_boxes_and_names_may_stand_in_one_line() -> None:
    found = find_boxes("10 20 50 90 high-speed train; 4 8 15 16 T-shirt; 1 2 3 4 cup.")
    assert found.n == 3
    assert found.are_labelled
    assert not found.are_in_prose


@pytest.mark.parametrize(
    ("text", "are_in_prose"),
    [
        ("A cook [0.1, 0.2, 0.4, 0.9] stirs a pot [0.5, 0.5, 0.7, 0.6] of soup.", True),
        ("A man [1, 2, 3, 4] with a dog [5, 6, 7, 8]", True),
        ("cook [0.1, 0.2, 0.4, 0.9], pot [0.5, 0.5, 0.7, 0.6]", False),
        ("[0.1, 0.2, 0.4, 0.9] cook; [0.5, 0.5, 0.7, 0.6] pot", False),
        ("a cook<loc_1><loc_2><loc_3><loc_4>a pot<loc_5><loc_6><loc_7><loc_8>", False),
    ],
)
def test_a_sentence_is_no_list_of_names(text: str, are_in_prose: bool) -> None:
    assert find_boxes(text).are_in_prose is are_in_prose


def test_counting_ends() -> None:
    assert find_boxes("[0.1, 0.2, 0.3, 0.4] " * 300).n == MAX_BOXES
