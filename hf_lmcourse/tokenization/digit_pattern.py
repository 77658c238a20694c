"""The course assignment's words: lower case, numbers as digit patterns, BOS and EOS tokens."""

from collections import Counter
from collections.abc import Iterable, Sequence

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers

from ..errors import LmcourseError
from .added_tokens import LookupTokenizer
from .pieces import pieces_of, split_words, whole_words

_UNKNOWN, _START, _END = "UUUNKKK", "<s>", "</s>"

_DIGIT = r"(?:(?<!\S)(?=(?>[^\s\p{L}]*)(?!\S))|\G(?!\A))(?>[^\s\d]*)\K\d"
"""A digit of a word without letters: the first one after the start of such a word, or the next one
after where the last match ended. (A look-behind as long as a word would take time quadratic in the
text.)"""

_COMMA = r"(?:(?<!\S)DG|\G(?!\A))(?>[^\s,]*)\K,"
"""A comma of a word that begins with DG, alike. In lower-cased text only digits become that."""


class DigitPatternTokenizer(LookupTokenizer):
    """One token per word, as the course assignment writes words and sentences.

    A word is lower-cased. In one that has no letter each digit becomes `DG`, and commas are dropped
    if it then begins with `DG`: "1,234.5" is `DGDGDGDG.DG`, and "1st" stays. A word that is not in
    the vocabulary is `UUUNKKK`. Each line begins with two `<s>`, its line break is `</s>`. `<s>` is
    `bos_token`, which training and evaluation read but never predict.

    The assignment looks a word up in the vocabulary before it looks at its digits. That makes a
    difference only for an entry with digits and without letters, which the rule itself would never
    produce; vocabularies with such entries are refused.

    All of it is in tokenizer.json, so that `AutoTokenizer` does the same without this package.

    Reference:
        Course CS224d (Stanford 2015), assignment 2; Tel Aviv University, Natural Language
        Processing, assignment 2.
    """

    model_input_names = ["input_ids", "attention_mask"]

    @classmethod
    def train(
        cls,
        lines: str | Iterable[str],
        vocab_size: int | None = None,
        min_frequency: int = 1,
    ) -> "DigitPatternTokenizer":
        """Make a tokenizer for the words of a text.

        Args:
            lines: The text, whole or in pieces that end between words.
            vocab_size: How many entries to keep, `UUUNKKK`, `<s>` and `</s>` among them.
            min_frequency: Keep words that occur at least so often.

        Raises:
            LmcourseError: `vocab_size` leaves no room for the three.
        """
        special = (_UNKNOWN, _START, _END)
        if vocab_size is not None and vocab_size < len(special):
            raise LmcourseError(
                f"a vocabulary of {vocab_size} has no room for {', '.join(special)}: give at "
                f"least {len(special)}"
            )
        canonical, counts = canonical_words(), Counter[str]()
        for piece in whole_words(pieces_of(lines)) if isinstance(lines, str) else lines:
            counts.update(split_words(canonical.normalize_str(piece)))
        frequent = sorted(
            (w for w in counts if w not in special and counts[w] >= min_frequency),
            key=lambda word: (-counts[word], word),
        )
        room = None if vocab_size is None else vocab_size - len(special)
        return cls.of_vocabulary([*special, *frequent[:room]])

    @classmethod
    def of_vocabulary(cls, words: Sequence[str]) -> "DigitPatternTokenizer":
        """Make a tokenizer of a given vocabulary, such as the course assignment's own.

        Args:
            words: The entries in the order of their ids.

        Raises:
            LmcourseError: `UUUNKKK`, `<s>` or `</s>` is missing, or an entry that no word becomes.
        """
        missing = [token for token in (_UNKNOWN, _START, _END) if token not in words]
        if missing:
            raise LmcourseError(f"the vocabulary has no entry {missing[0]}")
        for word in words:
            if any(c.isdecimal() for c in word) and not any(c.isalpha() for c in word):
                raise LmcourseError(
                    f"no word ever becomes the entry {word!r} of the vocabulary: digits without "
                    "letters become DG"
                )
        backend = Tokenizer(
            models.WordLevel({word: i for i, word in enumerate(words)}, unk_token=_UNKNOWN)
        )
        backend.normalizer = sentence_normalizer()
        backend.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
        backend.decoder = _decoder()
        return cls(
            tokenizer_object=backend,
            unk_token=_UNKNOWN,
            bos_token=_START,
            eos_token=_END,
            pad_token=_END,
            padding_side="left",
            split_special_tokens=True,
        )

    def _add_tokens(
        self, new_tokens: Sequence[str | AddedToken], special_tokens: bool = False
    ) -> int:
        """Add words to the vocabulary itself: a token that the text is split at begins a line.

        Raises:
            LmcourseError: A word that no word of a text becomes.
        """
        words = [token for token in new_tokens if isinstance(token, str)]
        if special_tokens or len(words) < len(new_tokens):
            return super()._add_tokens(new_tokens, special_tokens)
        vocabulary = self.get_vocab()
        for word in words:
            canonical = canonical_words().normalize_str(word.replace("DG", "0"))
            if split_words(word) != [canonical]:
                raise LmcourseError(
                    f"no word of a text becomes the token {word!r}: add words as they become, such "
                    f"as {canonical!r}, one at a time"
                )
            vocabulary.setdefault(word, len(vocabulary))
        added = len(vocabulary) - len(self)
        self.backend_tokenizer.model = models.WordLevel(vocabulary, unk_token=_UNKNOWN)
        return added


DigitPatternTokenizer.__name__ = "PreTrainedTokenizerFast"  # what is saved: see character.py


def canonical_words() -> normalizers.Normalizer:
    """What the course assignment does to each word: lower case, and `DG` for digits."""
    return normalizers.Sequence(
        [
            normalizers.Lowercase(),
            normalizers.Replace(Regex(_DIGIT), "DG"),
            normalizers.Replace(Regex(_COMMA), ""),
        ]
    )


def sentence_normalizer() -> normalizers.Normalizer:
    """Make each word canonical, begin each line with two `<s>` and end it with `</s>`."""
    return normalizers.Sequence(
        [
            canonical_words(),
            normalizers.Replace(Regex("^"), f"{_START} {_START} "),
            normalizers.Replace("\n", f" {_END} "),
        ]
    )


def _decoder() -> decoders.Decoder:
    return decoders.Sequence(
        [
            decoders.Replace(Regex(rf"\A{_START}\z"), ""),
            decoders.Replace(Regex(rf"\A{_END}\z"), "\n"),
            decoders.WordPiece(prefix=" ", cleanup=False),  # joins by spaces: see word.py
            decoders.Fuse(),
            decoders.Replace(Regex(" *\n *"), "\n"),
            decoders.Replace(Regex(r"\A +"), ""),
        ]
    )
