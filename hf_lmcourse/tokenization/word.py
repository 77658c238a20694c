"""Words between whitespace as tokens, in a fast tokenizer."""

from collections import Counter
from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from ..errors import LmcourseError
from .added_tokens import LookupTokenizer
from .pieces import pieces_of, split_words, whole_words

_SPECIAL = ("<unk>", "<eos>")


class WordTokenizer(LookupTokenizer):
    """One token per word, `<eos>` for each line break, `<unk>` for an unknown word.

    Ids fall in frequency (equally frequent entries in code point order), as adaptive softmax needs;
    `<unk>` and `<eos>` are ranked by their own counts. The words "<unk>" and "<eos>" in a
    text are those two entries; inside a longer word they are part of it.
    Padding is `<eos>`: corpora such as PTB have no token for it, so pass the attention mask
    along.

    `decode` writes one space between words and a line break for each `<eos>`. That is the text
    itself if all words are known and single spaces separate them; spaces at line ends are lost.

    The saved files contain all of it: `AutoTokenizer` loads them without this package.
    """

    model_input_names = ["input_ids", "attention_mask"]

    @classmethod
    def train(
        cls,
        lines: str | Iterable[str],
        vocab_size: int | None = None,
        min_frequency: int = 1,
        lowercase: bool = False,
    ) -> "WordTokenizer":
        """Make a tokenizer for the words of a text.

        Args:
            lines: The text, whole or in pieces that end between words; each line break is one
                `<eos>`.
            vocab_size: How many entries to keep, `<unk>` and `<eos>` among them.
            min_frequency: Keep words that occur at least so often.
            lowercase: lower-case the words.

        Raises:
            LmcourseError: `vocab_size` leaves no room for `<unk>` and `<eos>`.
        """
        if vocab_size is not None and vocab_size < len(_SPECIAL):
            raise LmcourseError(
                f"a vocabulary of {vocab_size} has no room for <unk> and <eos>: give at least 2"
            )
        # Python and the tokenizer lower-case some scripts differently: use the tokenizer
        fold = normalizers.Lowercase().normalize_str if lowercase else str
        counts: Counter[str] = Counter()
        for piece in whole_words(pieces_of(lines)) if isinstance(lines, str) else lines:
            counts.update(split_words(fold(piece)))
            counts["<eos>"] += piece.count("\n")
        words = _kept(counts, vocab_size, min_frequency)
        vocabulary = {word: index for index, word in enumerate(words)}
        return cls(
            tokenizer_object=_backend(vocabulary, lowercase),
            unk_token="<unk>",
            eos_token="<eos>",
            pad_token="<eos>",
            padding_side="left",
            split_special_tokens=True,
        )


WordTokenizer.__name__ = "PreTrainedTokenizerFast"  # what is saved: see character.py


def _backend(vocabulary: dict[str, int], lowercase: bool) -> Tokenizer:
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    steps: list[normalizers.Normalizer] = [normalizers.Lowercase()] if lowercase else []
    backend.normalizer = normalizers.Sequence([*steps, normalizers.Replace("\n", " <eos> ")])
    backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    backend.decoder = decoders.Sequence(
        [
            decoders.Replace(Regex(r"\A<eos>\z"), "\n"),
            # joins by spaces; no word begins with a space, so that none is joined to the one before
            decoders.WordPiece(prefix=" ", cleanup=False),
            decoders.Fuse(),
            decoders.Replace(Regex(" ?\n ?"), "\n"),
        ]
    )
    return backend


def _kept(counts: Counter[str], vocab_size: int | None, min_frequency: int) -> list[str]:
    """The entries to keep, by falling frequency; what is dropped counts as `<unk>`."""
    frequent = sorted(
        (word for word in counts if word not in _SPECIAL and counts[word] >= min_frequency),
        key=lambda word: (-counts[word], word),
    )
    words = frequent if vocab_size is None else frequent[: vocab_size - len(_SPECIAL)]
    counts["<unk>"] = counts.total() - counts["<eos>"] - sum(counts[word] for word in words)
    return sorted([*words, *_SPECIAL], key=lambda word: (-counts[word], word))
