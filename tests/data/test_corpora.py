import gzip
from collections.abc import Callable
from pathlib import Path

import datasets
import pytest

from hf_lmcourse import LmcourseError
from hf_lmcourse.data import load_corpus
from hf_lmcourse.data.corpora import CORPORA
from hf_lmcourse.data.labelled import load_labelled_corpus
from hf_lmcourse.data.local_files import data_file

WIKITEXT = " \n = Title = \n \n Some <unk> text . \n"
PTB = " aer banknote berlitz \n pierre <unk> N years old \n"


@pytest.fixture(autouse=True)
def no_folder_of_corpora(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LMCOURSE_DATA", raising=False)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = text.encode()
    path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
    return path


def offline(*args: object, **kwargs: object) -> None:
    raise ConnectionError("no route to\nhost")


def hub_of(
    texts: dict[str, str], column: str, row: Callable[[str], str]
) -> Callable[..., datasets.Dataset]:
    """Replaces `datasets.load_dataset` on files that the Hub keeps line by line."""

    def load(
        repository: str, config: str | None, split: str, revision: str | None
    ) -> datasets.Dataset:
        lines = texts[split].split("\n")[:-1]
        return datasets.Dataset.from_dict({column: [row(line) for line in lines]})

    return load


def wikitext_row(line: str) -> str:
    return f"{line}\n" if line.strip() else ""


def one_sentence(caught: pytest.ExceptionInfo[LmcourseError]) -> str:
    message = str(caught.value)
    assert "\n" not in message and len(message) < 300
    return message


# --- named corpora in the local folder


def test_a_named_corpus_is_read_from_the_local_folder_before_the_hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load_dataset", offline)
    write(tmp_path / "ptb/train.txt.gz", PTB)
    write(tmp_path / "ptb/validation.txt", "valid \r\n")
    monkeypatch.setenv("LMCOURSE_DATA", str(tmp_path))
    corpus = load_corpus("ptb")
    assert (corpus.name, corpus.source) == ("ptb", "local")
    assert corpus.splits == ("train", "validation")
    assert corpus.text("train") == PTB
    assert corpus.text("validation") == "valid \r\n"


def test_a_folder_that_is_given_goes_before_the_one_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for folder in ("mine", "other"):
        write(tmp_path / folder / "makemore/names.txt", f"{folder}\n" * 30)
    monkeypatch.setenv("LMCOURSE_DATA", str(tmp_path / "other"))
    assert load_corpus("names", tmp_path / "mine").text("test") == "mine\n" * 3


def test_names_are_cut_80_10_10_without_loss(tmp_path: Path) -> None:
    names = [f"name{index}" for index in range(105)]
    write(tmp_path / "makemore/names.txt", "\n".join(names))
    corpus = load_corpus("names", tmp_path)
    parts = [corpus.text(split).split("\n")[:-1] for split in corpus.splits]
    assert [len(part) for part in parts] == [84, 10, 11]
    assert sorted(sum(parts, [])) == sorted(names)
    assert parts[0] != names[:84]


def test_tiny_shakespeare_is_cut_at_one_place(tmp_path: Path) -> None:
    text = "to be\n" * 180_000
    write(tmp_path / "tiny_shakespeare/input.txt", text)
    corpus = load_corpus("tiny_shakespeare", tmp_path)
    assert len(corpus.text("train")) == 1_003_854
    assert corpus.text("train") + corpus.text("validation") == text


def test_a_local_folder_without_what_the_corpus_needs_is_an_error(tmp_path: Path) -> None:
    for folder in ("ptb", "makemore"):
        (tmp_path / folder).mkdir()
    with pytest.raises(LmcourseError, match="ptb needs ptb/train.txt, validation.txt and") as ptb:
        load_corpus("ptb", tmp_path)
    assert str(tmp_path) in one_sentence(ptb)
    with pytest.raises(LmcourseError, match="names needs the file .*makemore/names.txt"):
        load_corpus("names", tmp_path)
    write(tmp_path / "ptb/train.txt", PTB)
    with pytest.raises(LmcourseError, match="ptb needs ptb/train.txt, validation.txt and"):
        load_corpus("ptb", tmp_path)
    with pytest.raises(LmcourseError, match="folder of corpora .*nowhere.* is missing"):
        load_corpus("ptb", tmp_path / "nowhere")


# --- the Hub


@pytest.mark.parametrize(
    ("name", "text", "column", "row"),
    [
        ("wikitext-2", WIKITEXT, "text", wikitext_row),
        ("wikitext-103", WIKITEXT, "text", wikitext_row),
        ("ptb", PTB, "sentence", str.strip),
    ],
)
def test_rows_of_the_hub_join_to_the_text_of_the_local_file(
    name: str,
    text: str,
    column: str,
    row: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = {"train": text, "validation": text * 2, "test": text}
    monkeypatch.setattr(datasets, "load_dataset", hub_of(texts, column, row))
    corpus = load_corpus(name, tmp_path)
    assert corpus.source.startswith("Hub ")
    assert {split: corpus.text(split) for split in corpus.splits} == texts


def test_tiny_shakespeare_of_the_hub_is_one_text_cut_as_the_local_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    parts = {"train": "a" * 1_000_000, "validation": "b" * 4_000, "test": "c" * 4_000}

    def load(
        repository: str, config: str | None, split: str, revision: str | None
    ) -> datasets.Dataset:
        assert repository == "karpathy/tiny_shakespeare"
        return datasets.Dataset.from_dict({"text": [parts[part] for part in split.split("+")]})

    monkeypatch.setattr(datasets, "load_dataset", load)
    corpus = load_corpus("tiny_shakespeare")
    assert corpus.text("train") == "a" * 1_000_000 + "b" * 3_854
    assert corpus.text("validation") == "b" * 146 + "c" * 4_000


@pytest.mark.parametrize("name", ["ptb", "wikitext-2", "wikitext-103", "tiny_shakespeare"])
def test_without_a_network_one_sentence_says_where_to_put_the_file(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load_dataset", offline)
    corpus = load_corpus(name)
    with pytest.raises(LmcourseError, match=f"{name} from the Hub: no route") as caught:
        corpus.text("train")
    assert CORPORA[name].local_place in one_sentence(caught)
    assert "--data_dir or LMCOURSE_DATA" in one_sentence(caught)


@pytest.mark.parametrize("name", ["ptb", "names"])
def test_a_folder_of_corpora_that_lacks_this_one_is_named_when_the_hub_fails_too(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets, "load_dataset", offline)
    with pytest.raises(LmcourseError, match="Hub") as caught:
        load_corpus(name, tmp_path).text("train")
    place = f"into {tmp_path}, which has no {CORPORA[name].folder}"
    assert place in one_sentence(caught)


# --- the user's own text


def test_a_file_is_cut_at_a_line_border_nine_to_one(tmp_path: Path) -> None:
    text = "".join(f"line {index}\u2028 \x0c still line {index}\r\n" for index in range(40)) + "end"
    for name in ("my novel.txt", "packed.txt.gz"):
        corpus = load_corpus(str(write(tmp_path / name, text)))
        assert corpus.name == name.split(".")[0]
        assert (corpus.source, corpus.splits) == ("local", ("train", "validation"))
        assert corpus.text("train") + corpus.text("validation") == text
        assert corpus.text("train").count("\n") == 37
        assert corpus.text("train").endswith("\n")


def test_a_mark_before_a_text_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\n")
    assert load_corpus(str(tmp_path)).text("test") == "one\r\ntwo\n"


def test_a_folder_holds_a_file_a_split(tmp_path: Path) -> None:
    for split in ("train", "validation", "test"):
        write(tmp_path / f"novel/{split}.txt", split)
    corpus = load_corpus(str(tmp_path / "novel"))
    assert (corpus.name, corpus.splits) == ("novel", ("train", "validation", "test"))
    assert [corpus.text(split) for split in corpus.splits] == ["train", "validation", "test"]


def test_a_folder_to_train_on_needs_validation_text_and_test_text_alone_will_do(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a/test.txt", "a\n")
    assert load_corpus(str(tmp_path / "a")).splits == ("test",)
    write(tmp_path / "a/train.txt", "a\n")
    for folder in (tmp_path / "a", tmp_path):
        with pytest.raises(LmcourseError, match="needs train.txt and validation.txt"):
            load_corpus(str(folder))


def test_a_file_of_one_line_leaves_none_to_validate_on(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "one line")
    with pytest.raises(LmcourseError, match="only one line"):
        load_corpus(str(path)).text("train")


# --- what goes wrong


@pytest.mark.parametrize(
    ("given", "nearest"),
    [("wikitext2", "wikitext-2"), ("PTB", "ptb"), ("tinyshakespeare", "tiny_shakespeare")],
)
def test_an_unknown_name_is_answered_with_the_nearest(given: str, nearest: str) -> None:
    with pytest.raises(LmcourseError, match=f"no corpus '{given}': did you mean '{nearest}'"):
        load_corpus(given)


def test_a_missing_file_is_answered_with_the_names_there_are() -> None:
    with pytest.raises(LmcourseError, match="no file and no corpus") as caught:
        load_corpus("no/such/file.txt")
    assert all(name in one_sentence(caught) for name in ["cpython-docs", *CORPORA])


@pytest.mark.parametrize("name", ["To be, or not to be. " * 99, "a\0b", "\udce9"])
def test_what_cannot_be_a_path_is_no_corpus(name: str) -> None:
    with pytest.raises(LmcourseError, match="no file and no corpus") as caught:
        load_corpus(name)
    one_sentence(caught)


def test_a_split_that_is_not_there_is_answered_with_those_that_are() -> None:
    with pytest.raises(LmcourseError, match="cpython-docs has no test split, only train, val"):
        load_corpus("cpython-docs").text("test")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty"),
        (b"caf\xc3\xa9 caf\xe9\n", r"not UTF-8 text \(byte 9 is 0xe9\)"),
        (gzip.compress(b"to be or not to be\n" * 50, mtime=0)[:-12], "cannot read .*end-of-stream"),
        (gzip.compress(b"to be or not to be\n" * 50, mtime=0)[:-8] + bytes(8), "cannot read .*CRC"),
        (gzip.compress(b"\xff", mtime=0), r"byte 0 is 0xff"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(
    content: bytes, reason: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(content)
    with pytest.raises(LmcourseError, match=reason) as caught:
        load_corpus(str(path)).text("train")
    assert str(path) in one_sentence(caught)


def test_a_file_that_went_away_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.txt", "a\nb\n")
    corpus = load_corpus(str(path))
    path.unlink()
    with pytest.raises(LmcourseError, match="cannot read .*a.txt: No such file"):
        corpus.text("train")


# --- the real ones


@pytest.mark.real_data
def test_real_corpora_have_their_published_sizes(data_dir: Path) -> None:
    shakespeare = load_corpus("tiny_shakespeare", data_dir)
    assert [len(shakespeare.text(s)) for s in shakespeare.splits] == [1_003_854, 111_540]
    names = load_corpus("names", data_dir)
    assert [names.text(s).count("\n") for s in names.splits] == [25_626, 3_203, 3_204]
    for name, lines in {
        "wikitext-2": [36_718, 3_760, 4_358],
        "ptb": [42_068, 3_370, 3_761],
    }.items():
        corpus = load_corpus(name, data_dir)
        assert [corpus.text(s).count("\n") for s in corpus.splits] == lines


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "column", "row"),
    [("wikitext-2", "text", wikitext_row), ("ptb", "sentence", str.strip)],
)
def test_real_files_and_rows_made_as_the_hub_makes_them_are_the_same_text(
    name: str,
    column: str,
    row: Callable[[str], str],
    data_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = load_corpus(name, data_dir).text("validation")
    monkeypatch.setattr(datasets, "load_dataset", hub_of({"validation": text}, column, row))
    assert load_corpus(name).text("validation") == text


def test_a_home_folder_of_nobody_is_a_file_that_is_not_there() -> None:
    for load in (load_corpus, load_labelled_corpus):
        with pytest.raises(LmcourseError, match="there is no file"):
            load("~nobody of that name/text.txt")
    with pytest.raises(LmcourseError, match="folder of corpora ~nobody"):
        load_corpus("ptb", "~nobody of that name")
    with pytest.raises(LmcourseError, match="there is no file ~nobody"):
        data_file("~nobody of that name/text.txt")


@pytest.mark.parametrize("name", ["/", "", "..", "a\0b", "x" * 5_000])
def test_what_cannot_be_a_file_is_a_file_that_is_not_there(name: str, tmp_path: Path) -> None:
    for folder in (None, tmp_path):
        with pytest.raises(LmcourseError, match="there is no file"):
            data_file(name, folder)
    if len(name) > 2:
        with pytest.raises(LmcourseError, match="the folder of corpora"):
            load_corpus("ptb", name)
