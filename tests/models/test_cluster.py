"""Indexing on a Ray cluster: the same index, clear errors, and what happens when a part of it dies."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from conftest import FakeAssistant, contents
from ui_browser import free_port

from rag import BadSettings, Settings, build_index
from rag.cli import main
from rag.index.layout import read_current
from rag.models.embedding import cluster
from rag.models.embedding.embedder import FakeEmbedder

NODE = {"num_cpus": 1, "object_store_memory": 80 * 2**20}
"""A small machine of a cluster."""


@dataclass(frozen=True)
class Machines:
    """A cluster on this machine."""

    cluster: Any
    """As Ray's own tests start it."""

    @property
    def address(self) -> str:
        """The loopback address: no test may connect to the network."""
        return f"127.0.0.1:{self.cluster.address.rpartition(':')[2]}"


def settings(**changed: Any) -> Settings:
    return Settings.load(**{"embedder": "fake", **changed})


def files(name: str) -> dict[str, bytes]:
    """The content of an index: the articles, passages and vectors of its segments."""
    place = settings().indexes / name
    assert read_current(place)
    kept = {path: data for path, data in contents(place).items() if path.endswith((".npy", ".jsonl"))}
    return {path.split("/", 1)[1]: data for path, data in kept.items() if "/" in path}


@pytest.fixture(scope="module")
def two_machines() -> Iterator[Machines]:
    """A real cluster of two nodes on this machine, with one processor each."""
    pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    machines = Cluster(initialize_head=True, head_node_args={"include_dashboard": False, **NODE})
    machines.add_node(**NODE)
    yield Machines(machines)
    machines.shutdown()


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A folder of articles with enough passages for several batches."""
    folder = tmp_path / "many"
    folder.mkdir()
    for n in range(40):
        lines = [f"The harbour of town {n} opened gate {m} on {m % 28 + 1} March. " * 4 for m in range(40)]
        (folder / f"a{n:02}.txt").write_text(f"Harbour {n}\n\n" + "\n\n".join(lines), encoding="utf-8")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("address", ["", "auto", "127.0.0.1", ":6379", "127.0.0.1:port", "ray://127.0.0.1"])
def test_what_is_not_an_address_is_named(address: str) -> None:
    pytest.importorskip("ray")
    with pytest.raises(BadSettings, match="HOST:PORT") as caught, cluster.connected(address, settings()):
        pass
    assert repr(address) in str(caught.value)


@pytest.mark.slow
def test_an_address_that_refuses_is_named_at_once(
    small_articles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("ray")
    address = f"127.0.0.1:{free_port()}"
    command = ["index", str(small_articles), "--index", "mine", "--embedder", "fake"]
    assert main([*command, "--ray", address]) == 2
    message = capsys.readouterr().err
    assert address in message and "refused" in message and "\n" not in message.strip()
    assert not (settings().indexes / "mine").exists()


def test_without_ray_the_command_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(BadSettings, match=r"pip install .*ray"), cluster.connected("127.0.0.1:1", settings()):
        pass


def test_a_folder_is_not_watched_with_a_cluster(
    small_articles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["index", str(small_articles), "--index", "mine", "--watch", "--ray", "127.0.0.1:1"]) == 2
    assert "--watch" in capsys.readouterr().err


@pytest.mark.slow
def test_a_cluster_whose_worker_is_killed_makes_the_same_index(two_machines: Machines, many: Path) -> None:
    build_index(many, "here", settings=settings(), embedder=FakeEmbedder())
    killed: list[int] = []
    ended = threading.Event()

    def kill() -> None:
        """Kill the first worker that is seen at work."""
        while not killed and not ended.is_set():
            for process in psutil.process_iter(["cmdline"]):
                if (process.info["cmdline"] or [""])[0].startswith("ray::_with_tokens"):
                    process.kill()
                    killed.append(process.pid)
                    return

    killer = threading.Thread(target=kill)
    with cluster.connected(two_machines.address, settings()) as embedder:
        killer.start()
        try:
            build_index(many, "there", settings=settings(), embedder=embedder)
        finally:
            ended.set()
            killer.join()
    assert killed, "a worker was killed while it embedded"
    assert files("there") == files("here") and files("here")


@pytest.mark.slow
def test_embedding_goes_on_when_a_machine_leaves(two_machines: Machines) -> None:
    node = two_machines.cluster.add_node(**NODE)
    texts = [f"text {n} " * 50 for n in range(600)]
    with cluster.connected(two_machines.address, settings()) as embedder:
        leaving = threading.Thread(target=two_machines.cluster.remove_node, args=(node, False))
        leaving.start()
        vectors = embedder.passages(texts)
        leaving.join()
    assert (vectors == FakeEmbedder().passages(texts)).all()


@pytest.mark.slow
def test_a_machine_with_another_embedder_is_refused_and_the_index_stays(
    two_machines: Machines,
    fake_assistant: FakeAssistant,
    small_articles: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assistant = fake_assistant()
    before = contents(assistant.settings.indexes)
    monkeypatch.setattr(cluster, "open_embedder", lambda *_: FakeEmbedder(32))  # the workers have that of 64
    (small_articles / "new.txt").write_text("The lighthouse\n\nIt was lit again on 3 May 2024.", "utf-8")
    command = ["index", str(small_articles), "--index", "small", "--embedder", "fake"]
    assert main([*command, "--ray", two_machines.address]) == 2
    message = capsys.readouterr().err
    assert (
        "fake:64" in message
        and "fake:32" in message
        and "same version" in message
        and "Traceback" not in message
    )
    assert contents(assistant.settings.indexes) == before


@pytest.mark.slow
def test_the_command_embeds_on_the_cluster(two_machines: Machines, small_articles: Path) -> None:
    command = ["index", str(small_articles), "--index", "mine", "--embedder", "fake"]
    assert main([*command, "--ray", two_machines.address]) == 0
    build_index(small_articles, "here", settings=settings(), embedder=FakeEmbedder())
    assert files("mine") == files("here")
