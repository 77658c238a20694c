"""Models of every family, data and metrics through a Hub: pushed, listed, loaded, bit for bit."""

import ast
import json
from pathlib import PurePath
from typing import Any

import pytest

from .child.tiny import FAMILIES
from .server import HubServer

pytestmark = pytest.mark.slow  # three processes of their own with all families

Report = dict[str, Any]
TOKENIZER = {"tokenizer.json", "tokenizer_config.json"}
every_family = pytest.mark.parametrize("family", FAMILIES)


def model_files(family: str) -> set[str]:
    generation = {"generation_config.json"} if family != "dan" else set()
    return {"config.json", "model.safetensors", *TOKENIZER, *generation}


def files_of(server: HubServer, repository: str) -> dict[str, bytes]:
    files = server.hub.model(repository).files()
    return {path: content for path, content in files.items() if path != ".gitattributes"}


@every_family
def test_push_to_hub_sends_a_model_and_nothing_else(
    family: str, server: HubServer, shared: Report
) -> None:
    assert set(files_of(server, f"ada/{family}")) == {*model_files(family), "README.md"}


@every_family
def test_push_folder_sends_the_code_along(family: str, server: HubServer, shared: Report) -> None:
    files = files_of(server, f"course/{family}")
    assert {path for path in files if not path.endswith(".py")} == model_files(family)
    auto_map = json.loads(files["config.json"])["auto_map"]
    for place in auto_map.values():
        module, name = place.split(".")
        assert f"class {name}(" in files[f"{module}.py"].decode()
    for path, content in files.items():
        if path.endswith(".py"):
            ast.parse(content)


@every_family
def test_a_model_by_its_id_gives_the_same_bits(family: str, shared: Report, loaded: Report) -> None:
    assert loaded["families"][family] == shared["families"][family]
    assert loaded["with_code"][family] == shared["families"][family]


@every_family
def test_code_of_the_repository_gives_the_same_bits_without_the_package(
    family: str, shared: Report, bare: Report
) -> None:
    assert bare["package"].startswith("ModuleNotFoundError")
    assert bare[family]["print"] == shared["families"][family]
    assert bare[family]["saved"] == shared["families"][family]
    assert bare[family]["body"].endswith("Model")


@every_family
def test_without_the_package_nothing_is_run_unasked(family: str, bare: Report) -> None:
    assert "trust_remote_code=True" in bare[family]["refused"]
    assert f"lmcourse_{family}" in bare[family]["without_code"]


@every_family
def test_a_pipeline_needs_the_id_alone(family: str, loaded: Report, bare: Report) -> None:
    said = loaded["pipelines"][family]
    assert said == bare[family]["pipeline"]
    if family == "dan":
        assert 0 < said[0]["score"] < 1
    else:
        assert said.startswith("the ") and len(said) > 4


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "dan"])
def test_code_of_the_repository_generates_with_its_cache(family: str, bare: Report) -> None:
    assert bare[family]["with_cache"] == bare[family]["without_cache"]


def test_each_revision_keeps_its_own_weights(shared: Report, loaded: Report) -> None:
    assert loaded["revisions"] == shared["revisions"]
    assert len(set(loaded["revisions"].values())) == 2


@pytest.mark.parametrize("family", ["gru", "dan"])
def test_trainer_pushes_no_pickle_and_no_checkpoint(
    family: str, server: HubServer, shared: Report, loaded: Report
) -> None:
    assert {"training_args.bin", "checkpoint-1"} <= set(shared["trained"][family])
    files = files_of(server, f"ada/trained_{family}")
    assert set(files) == {*model_files(family), "README.md"}
    assert loaded["trained"][family] is False


def test_no_repository_holds_a_pickle_a_token_or_a_local_path(
    server: HubServer, shared: Report
) -> None:
    for repository in server.hub.repositories.values():
        for path, content in repository.files().items():
            assert PurePath(path).suffix not in (".bin", ".pt", ".pth", ".pkl"), path
            assert b"/tmp" not in content and b"hf_write" not in content, path


def test_no_token_reaches_the_object_store(server: HubServer, loaded: Report) -> None:
    assert server.leaks == []
    assert server.requests("/info/lfs/objects/batch")


def test_a_data_set_by_its_id(loaded: Report) -> None:
    expected = {"text": ["the cat sat on the mat\n", "a dog\n"], "label": [0, 1]}
    assert loaded["dataset"] == expected


def test_a_named_corpus_comes_from_the_hub_as_its_original_file(loaded: Report) -> None:
    text = " = Title = \n \n a line . \n"
    assert loaded["corpus"] == {"train": text, "validation": text, "test": text}


def test_a_corpus_that_the_hub_keeps_as_tables(loaded: Report) -> None:
    assert loaded["tables"] == 3 * "To be,\nor not\n"


def test_a_metric_from_a_space(loaded: Report) -> None:
    assert loaded["metric"]["nats_per_token"] == 1.0
    assert loaded["metric"]["tokens"] == 3
