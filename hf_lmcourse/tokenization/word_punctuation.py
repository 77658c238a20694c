"""Words and punctuation of ordinary prose as tokens, in a fast tokenizer."""

from collections.abc import Iterable

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers

from ..errors import LmcourseError
from .added_tokens import LookupTokenizer

_TOKEN = r"\w+(?=n't)|n't|'\w+|\w+|[^\w\s]"
"""A word or a punctuation character; "don't" is "do n't" and "it's" is "it 's", as in the Penn
Treebank and in GloVe."""

_SPECIAL = ["<pad>", "<unk>"]


class WordPunctuationTokenizer(LookupTokenizer):
    """Lower-case words and punctuation, for texts that are not tokenized.

    `<pad>` is 0 and `<unk>` 1; the other ids fall in frequency. HTML line breaks are spaces. All
    that it does is in tokenizer.json, so that `AutoTokenizer` loads it without this package.
    """

    model_input_names = ["input_ids", "attention_mask"]

    @classmethod
    def train(
        cls,
        texts: str | Iterable[str],
        vocab_size: int | None = None,
        min_frequency: int = 1,
        lowercase: bool = True,
    ) -> "WordPunctuationTokenizer":
        """Make a tokenizer for the words of some texts.

        Args:
            texts: One text or several.
            vocab_size: Keep so many entries, `<pad>` and `<unk>` among them.
            min_frequency: Keep words that occur so often.
            lowercase: Make no difference between capital and small letters.

        Raises:
            LmcourseError: `vocab_size` leaves no room for `<pad>` and `<unk>`.
        """
        if vocab_size is not None and vocab_size < len(_SPECIAL):
            raise LmcourseError(
                f"a vocabulary of {vocab_size} has no room for <pad> and <unk>: give at least 2"
            )
        backend = Tokenizer(models.WordLevel(unk_token="<unk>"))
        steps: list[normalizers.Normalizer] = [normalizers.Replace(Regex(r"<br\s*/?>"), " ")]
        if lowercase:
            steps.append(normalizers.Lowercase())
        backend.normalizer = normalizers.Sequence(steps)
        backend.pre_tokenizer = pre_tokenizers.Split(Regex(_TOKEN), "removed", invert=True)
        trainer = trainers.WordLevelTrainer(
            vocab_size=(1 << 31) if vocab_size is None else vocab_size,
            min_frequency=min_frequency,
            special_tokens=_SPECIAL,
            show_progress=False,
        )
        backend.train_from_iterator([texts] if isinstance(texts, str) else texts, trainer)
        return cls(
            tokenizer_object=backend,
            unk_token="<unk>",
            pad_token="<pad>",
            padding_side="right",
            split_special_tokens=True,
        )


WordPunctuationTokenizer.__name__ = "PreTrainedTokenizerFast"  # what is saved: see character.py
