"""Several replies in one batch of OpenVINO's engine, on a network of a few thousand random weights."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

import pytest
import small_generator

from rag import GenerationFailed
from rag.models.llm.openvino import OpenVinoLLM
from rag.models.llm.protocol import LogProbabilities, Message
from rag.models.llm.watchdog import WatchedGenerator

pytestmark = pytest.mark.slow

TEXTS = ("Who leads the talks?", "كم عدد الجنود؟", "It reopened on Sunday. " * 20, "a", "b b")
LONGEST = 20

Reply = tuple[str, LogProbabilities | None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An OpenVINO model as OpenVINO's own reader makes it of a GGUF file."""
    import openvino_genai

    folder = tmp_path_factory.mktemp("model")
    small_generator.write(folder / "model.gguf", rounded=True)
    openvino_genai.LLMPipeline(str(folder / "model.gguf"), "CPU", enable_save_ov_model=True)
    return folder


def opened(folder: Path, at_once: int = len(TEXTS)) -> OpenVinoLLM:
    llm = OpenVinoLLM(str(folder), identity="small", at_once=at_once)
    # With fewer bits, the order of two nearly equal tokens depends on the other replies in the batch.
    llm._options |= {"INFERENCE_PRECISION_HINT": "f32", "KV_CACHE_PRECISION": "f32"}
    return llm


@pytest.fixture(scope="module")
def llm(folder: Path) -> OpenVinoLLM:
    return opened(folder)


Stream = Generator[str, None, LogProbabilities | None]


def begun(llm: Any, text: str) -> Stream:
    stream: Stream = llm.stream([Message("user", text)], max_tokens=LONGEST)
    return stream


def ended(streams: Sequence[Stream]) -> list[Reply]:
    """The replies of streams that are read by turns: between two pieces of one the engine makes a step."""
    texts = [""] * len(streams)
    likelihoods: list[LogProbabilities | None] = [None] * len(streams)
    running = dict(enumerate(streams))
    while running:
        for at, stream in list(running.items()):
            try:
                texts[at] += next(stream)
            except StopIteration as end:
                likelihoods[at] = end.value
                del running[at]
    return list(zip(texts, likelihoods, strict=True))


@pytest.fixture(scope="module")
def alone(llm: OpenVinoLLM) -> list[Reply]:
    """Each text's reply when nothing else is asked for."""
    replies = [ended([begun(llm, text)])[0] for text in TEXTS]
    assert all(likely and len(likely) <= LONGEST for _, likely in replies)
    assert len({likely for _, likely in replies}) == len(TEXTS), "so that a mix-up of replies would show"
    return replies


def same(replies: Sequence[Reply], expected: Sequence[Reply]) -> None:
    assert [text for text, _ in replies] == [text for text, _ in expected]
    for (_, likelihood), (_, expected_likelihood) in zip(replies, expected, strict=True):
        assert likelihood == pytest.approx(expected_likelihood, abs=1e-3)


def in_the_engine(llm: OpenVinoLLM) -> int:
    return int(llm.batch()._pipeline.get_metrics().requests)


def test_replies_in_one_batch_equal_those_generated_alone(llm: OpenVinoLLM, alone: list[Reply]) -> None:
    streams = [begun(llm, text) for text in TEXTS]
    for stream in streams:
        next(stream)
    assert in_the_engine(llm) == len(TEXTS)
    same(ended(streams), alone)


def test_a_reply_that_joins_late_changes_no_other_reply(llm: OpenVinoLLM, alone: list[Reply]) -> None:
    first = begun(llm, TEXTS[0])
    begin = "".join(next(first) for _ in range(6))
    (rest, likely), *others = ended([first, *(begun(llm, text) for text in TEXTS[1:])])
    same([(begin + rest, likely), *others], alone)


def test_a_reply_that_is_closed_changes_no_other_reply_and_its_place_is_free(
    llm: OpenVinoLLM, alone: list[Reply]
) -> None:
    leaves, *stay = [begun(llm, text) for text in TEXTS]
    for stream in (leaves, *stay):
        next(stream)
    next(leaves)
    leaves.close()
    same(ended(stay), alone[1:])
    same(ended([begun(llm, TEXTS[0])]), alone[:1])
    assert in_the_engine(llm) <= 1, "the closed reply is not generated further"


def test_threads_that_ask_at_the_same_time_get_their_own_replies(
    llm: OpenVinoLLM, alone: list[Reply]
) -> None:
    replies: dict[int, Reply] = {}

    def ask(at: int) -> None:
        for _ in range(3):
            replies[at] = ended([begun(llm, TEXTS[at])])[0]

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(len(TEXTS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    same([replies[at] for at in range(len(TEXTS))], alone)


def test_other_threads_run_between_the_steps_of_a_prompt(
    llm: OpenVinoLLM, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    pipeline = llm.batch()._pipeline
    monkeypatch.setattr("rag.models.llm.openvino.time.sleep", lambda _: order.append("pause"))
    monkeypatch.setattr(llm.batch(), "_pipeline", Recorded(pipeline, order))
    list(begun(llm, "It was closed on Monday. " * 20))
    assert order[:2] == ["step", "pause"], "the engine holds Python's lock during a step"
    assert order[-2:] == ["step", "step"], "the steps of a reply are short"


class Recorded:
    """An engine whose steps are recorded."""

    def __init__(self, pipeline: Any, order: list[str]) -> None:
        self._pipeline = pipeline
        self._order = order

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def step(self) -> None:
        self._order.append("step")
        self._pipeline.step()


class Breaks:
    """An engine that raises an error at its tenth step."""

    def __init__(self, pipeline: Any) -> None:
        self._pipeline = pipeline
        self._left = 10

    def __getattr__(self, name: str) -> Any:
        return getattr(self._pipeline, name)

    def step(self) -> None:
        self._left -= 1
        if not self._left:
            raise RuntimeError("the device\n is gone")
        self._pipeline.step()


def test_an_engine_that_fails_ends_all_its_replies_and_another_one_is_loaded(
    folder: Path, alone: list[Reply]
) -> None:
    llm = opened(folder)
    llm.batch()._pipeline = Breaks(llm.batch()._pipeline)
    streams = [begun(llm, text) for text in TEXTS]
    for stream in streams:
        next(stream)
    for stream in streams:
        with pytest.raises(
            GenerationFailed, match=r"^The language model failed: the device is gone\. Ask again"
        ):
            list(stream)
    same(ended([begun(llm, text) for text in TEXTS]), alone)


@pytest.mark.slow
def test_watched_replies_share_the_engine_up_to_the_bound_and_fail_together(
    folder: Path, alone: list[Reply]
) -> None:
    engines: list[OpenVinoLLM] = []
    most = 0

    def another() -> OpenVinoLLM:
        engines.append(opened(folder, at_once=2))
        if len(engines) == 1:
            batch = engines[0].batch()
            batch._pipeline = Breaks(batch._pipeline)
        return engines[-1]

    watched = WatchedGenerator(another, seconds=60, at_once=2)
    outcomes: list[Reply | GenerationFailed] = [GenerationFailed("never")] * len(TEXTS)

    def ask(at: int) -> None:
        nonlocal most
        try:
            text, likely, stream = "", None, begun(watched, TEXTS[at])
            while True:
                try:
                    text += next(stream)
                except StopIteration as end:
                    likely = end.value
                    break
                most = max(most, in_the_engine(engines[-1]))
            outcomes[at] = (text, likely)
        except GenerationFailed as error:
            outcomes[at] = error

    threads = [threading.Thread(target=ask, args=(at,)) for at in range(len(TEXTS))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    failed = [at for at, outcome in enumerate(outcomes) if isinstance(outcome, GenerationFailed)]
    assert 1 <= len(failed) <= 2 and all("the device is gone" in str(outcomes[at]) for at in failed)
    assert (watched.reloads, len(engines)) == (1, 2)
    answered = [at for at in range(len(TEXTS)) if at not in failed]
    same([outcomes[at] for at in answered], [alone[at] for at in answered])  # type: ignore[misc]
    assert most <= 2
