"""Settings of the deep averaging network."""

from typing import Any, ClassVar

from huggingface_hub.dataclasses import strict
from transformers.activations import ACT2FN

from ..configuration_base import CourseConfig

__all__ = ["DANConfig"]


@strict
class DANConfig(CourseConfig):
    """Settings of `DANModel` and `DANForSequenceClassification`.

    Parameters, with V words, B buckets, vectors of size E, L hidden layers of size H, C classes:

        (V + B) E + H (E + 1) + (L - 1) H (H + 1) + C (H + 1)      (L = 0: C (E + 1) at the end)

    The number and the names of the classes, and whether there is one label, several or a number to
    predict, are transformers' own settings `num_labels`, `id2label` and `problem_type`.

    Args:
        vocab_size (`int`): Number of words.
        embedding_size (`int`): Width E of the word vectors.
        hidden_size (`int`): Width H of the hidden layers.
        num_hidden_layers (`int`): How many there are; with none the mean itself is classified.
        hidden_act (`str`): Any activation of transformers' `ACT2FN`.
        hidden_dropout (`float`): Dropout after the mean and after each hidden layer.
        word_dropout (`float`): Probability that a word is left out of the mean in training.
        distinct_words (`bool`): Let each word and n-gram of a text count once, however often it
            occurs there: presence rather than frequency (Pang, Lee and Vaithyanathan 2002).
        length_exponent (`float`): Power a of the number of words by which the sum of their vectors
            is divided: 1 for the mean, 0.5 for more weight to long texts, 0 for the sum.
        log_count_ratios (`bool`): Scale each word and n-gram by how much it says about the class,
            counted on the training texts: see `DANModel`.
        ratio_smoothing (`float`): Count alpha that is added to each of those counts: the larger,
            the smaller the weight of rare words and n-grams.
        naive_bayes_start (`float`): Start as a naive Bayes classifier whose log-odds are scaled by
            this number; 0 to start at random. Without hidden layers and with `log_count_ratios`.
        balance_classes (`bool`): Weigh each training text so that every class counts the same,
            however many texts it has: see `DANForSequenceClassification`. For one label a text.
        ngram_buckets (`int`): Size of the table of hashed word n-grams; 0 for words only.
        max_ngram (`int`): Length of the longest n-gram.
        freeze_vectors (`bool`): Keep word vectors that were read from a file as they are; words
            without one are trained. Frozen ones get no gradient; an
            optimizer of your own must not decay them either, as `lmcourse train` does not.
        sparse_gradients (`bool`): Gradients of the embedding matrices have the rows of a batch's
            words only. SGD, Adagrad and SparseAdam take them, without weight decay; Adam does not.
        initializer_range (`float`): Standard deviation of the word vectors at the start.
        pad_token_id (`int`): The token that is not a word.
    """

    model_type = "lmcourse_dan"

    vocab_size: int = 30_000
    embedding_size: int = 300
    hidden_size: int = 300
    num_hidden_layers: int = 2
    hidden_act: str = "relu"
    hidden_dropout: float | int = 0.0
    word_dropout: float | int = 0.3
    distinct_words: bool = False
    length_exponent: float | int = 1.0
    log_count_ratios: bool = False
    ratio_smoothing: float | int = 1.0
    naive_bayes_start: float | int = 0.0
    balance_classes: bool = False
    ngram_buckets: int = 0
    max_ngram: int = 2
    freeze_vectors: bool = False
    sparse_gradients: bool = False
    initializer_range: float = 0.1
    pad_token_id: int | None = 0

    dropouts: ClassVar[tuple[str, ...]] = ("hidden_dropout", "word_dropout")
    non_negative: ClassVar[tuple[str, ...]] = (
        "num_hidden_layers",
        "ngram_buckets",
        "length_exponent",
        "naive_bayes_start",
    )

    @property
    def class_names(self) -> list[str]:
        """The names of the classes, in the order of the logits."""
        names: Any = self.id2label
        return [names[index] for index in range(len(names))]

    def validate_max_ngram(self) -> None:
        """Refuse n-grams shorter than two words."""
        if self.max_ngram < 2:
            raise ValueError(
                f"max_ngram must be at least 2, not {self.max_ngram}; "
                "ngram_buckets 0 leaves n-grams out"
            )

    def validate_ratio_smoothing(self) -> None:
        """Refuse to take the logarithm of a count of zero."""
        if not self.ratio_smoothing > 0:
            raise ValueError(f"ratio_smoothing must be above 0, not {self.ratio_smoothing}")

    def validate_naive_bayes_start(self) -> None:
        """Refuse to start from ratios that are not counted, or below hidden layers."""
        if self.naive_bayes_start and not (self.log_count_ratios and self.num_hidden_layers == 0):
            raise ValueError("naive_bayes_start needs log_count_ratios and num_hidden_layers 0")

    def validate_balance_classes(self) -> None:
        """Refuse to weigh the classes of texts that have several labels, or a number."""
        if self.balance_classes and self.problem_type not in (None, "single_label_classification"):
            raise ValueError(f"balance_classes is not for {self.problem_type}")

    def validate_activation(self) -> None:
        """Refuse an activation that transformers does not have."""
        if self.hidden_act not in ACT2FN:
            raise ValueError(f"hidden_act {self.hidden_act!r} is none of transformers' activations")
