"""`lmcourse serve`, asked by a plain HTTP client on the loopback interface."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from transformers.utils.import_utils import is_serve_available

from ..ports import free_port
from .commands import FinishedRun, lmcourse

needs_server = pytest.mark.skipif(not is_serve_available(), reason="needs the extra serve")


def post(address: str, body: dict[str, Any]) -> dict[str, Any]:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as response:
        return dict(json.load(response))


@pytest.fixture
def address(finished: FinishedRun, tmp_path: Path) -> Iterator[str]:
    """The address of a server of the tiny run, once it answers."""
    port = free_port()
    words = [sys.executable, "-m", "hf_lmcourse.cli.main", "serve", finished.folder]
    log = tmp_path / "log.txt"
    with log.open("w") as out:
        server = subprocess.Popen(
            [*map(str, words), "--port", str(port)], stdout=out, stderr=out, env=dict(os.environ)
        )
    address = f"http://localhost:{port}"
    try:
        for _ in range(600):
            assert server.poll() is None, log.read_text()
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except (urllib.error.URLError, ConnectionError):
                time.sleep(0.2)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


@needs_server
@pytest.mark.slow
def test_a_completion_is_that_of_generate(address: str, finished: FinishedRun) -> None:
    body = {"prompt": "line ", "max_tokens": 12, "temperature": 0}
    answer = post(f"{address}/v1/completions", {**body, "model": str(finished.folder)})
    words = ("generate", finished.folder, "--prompt", "line ", "--greedy", "--length", "12")
    text = "line " + answer["choices"][0]["text"]
    assert lmcourse(*words).out.startswith(text.rstrip("\n")) and len(text) > len("line ")
    assert answer["usage"]["completion_tokens"] == 12
    with urllib.request.urlopen(f"{address}/v1/models", timeout=60) as response:
        (listed,) = json.load(response)["data"]
    assert listed["id"] == str(finished.folder) and listed["object"] == "model"


@needs_server
@pytest.mark.parametrize("host", ["é..b", "a" * 400, "256.0.0.1"])
def test_what_is_no_host_is_refused(host: str, tmp_path: Path) -> None:
    assert f"cannot listen on {host[:9]}" in lmcourse("serve", tmp_path, "--host", host).complaint


@needs_server
def test_a_taken_port_and_a_folder_without_a_model_are_refused(tmp_path: Path) -> None:
    with socket.create_server(("localhost", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in lmcourse("serve", tmp_path, "--port", port).complaint
    assert "model" in lmcourse("serve", tmp_path, "--port", free_port()).complaint


def test_the_extra_is_named_if_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hf_lmcourse.cli.serve.is_serve_available", lambda: False)
    assert "hf-lmcourse[serve]" in lmcourse("serve", "anything").complaint
