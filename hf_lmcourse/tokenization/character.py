"""Characters as tokens, in a fast tokenizer."""

from collections.abc import Iterable

from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from .added_tokens import LookupTokenizer
from .pieces import pieces_of


class CharacterTokenizer(LookupTokenizer):
    """One token per character (a Unicode code point), decoded without loss.

    Ids: 0 for `<pad>`, 1 for `<unk>`, then the alphabet, in code point order: the characters seen
    and those named in addition. Any other character becomes `<unk>`. The strings "<pad>"
    and "<unk>" in running text are ordinary characters, so they too come back as they were;
    `split_special_tokens`, in tokenizer_config.json, sees to it. (`tokenizers.Tokenizer.from_file`
    does not read that file: there, and with `split_special_tokens=False`, those two strings are
    single tokens.)

    The saved files contain all of it: `AutoTokenizer` loads them without this package.
    """

    model_input_names = ["input_ids", "attention_mask"]

    @classmethod
    def train(cls, text: str | Iterable[str], alphabet: str = "") -> "CharacterTokenizer":
        """Make a tokenizer for the characters of a text.

        Args:
            text: Whole or in pieces.
            alphabet: Characters that are tokens even if the text has none of them.
        """
        characters = set(alphabet)
        for piece in pieces_of(text) if isinstance(text, str) else text:
            characters.update(piece)
        entries = ["<pad>", "<unk>", *sorted(characters)]
        vocabulary = {entry: index for index, entry in enumerate(entries)}
        backend = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
        backend.pre_tokenizer = pre_tokenizers.Split("", "isolated")
        backend.decoder = decoders.Fuse()
        return cls(
            tokenizer_object=backend,
            pad_token="<pad>",
            unk_token="<unk>",
            padding_side="left",
            split_special_tokens=True,
        )


# This name is saved, for AutoTokenizer to find the class by. Under its own name it would find a
# helper of transformers' Japanese BERT; the name of the base class needs nothing of this package.
CharacterTokenizer.__name__ = "PreTrainedTokenizerFast"
