"""The deep averaging network as a classifier of transformers."""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import initialization as init
from transformers.activations import ACT2FN
from transformers.modeling_outputs import BaseModelOutput, SequenceClassifierOutput
from transformers.utils.generic import can_return_tuple

from ...kernels.bags import bag_counts, ragged, text_of_word
from ...layers.averaging import AveragingLayers, hashed_ngrams, kept_words
from ..aligned_weights import AlignedWeights
from ..embeddings import embedding_rows, resized
from .configuration_dan import DANConfig

__all__ = ["DANForSequenceClassification", "DANModel", "DANPreTrainedModel"]


class DANPreTrainedModel(AlignedWeights):
    """Initialisation of the deep averaging network, and what transformers should know of it."""

    config: DANConfig
    base_model_prefix = "model"
    supports_gradient_checkpointing = False
    _supports_sdpa = True  # there is no attention: any implementation asked for is as good

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        super()._init_weights(module)
        if isinstance(module, nn.Linear):
            init.xavier_uniform_(module.weight)
        if isinstance(module, DANModel):
            init.zeros_(module.has_vector)
            if self.config.log_count_ratios:
                init.ones_(module.word_ratios)
                init.ones_(module.ngram_ratios)

    def resize_token_embeddings(self, *args: Any, **kwargs: Any) -> nn.Embedding:
        """Change the number of words; new ones have no vector from a file, and the ratio 1."""
        embeddings: Any = super().resize_token_embeddings(*args, **kwargs)
        body: Any = self.base_model
        body.has_vector = resized(body.has_vector, embeddings.num_embeddings)
        if self.config.log_count_ratios:
            body.word_ratios = resized(body.word_ratios, embeddings.num_embeddings, fill=1)
        return embeddings


class DANModel(DANPreTrainedModel):
    """The mean of the word vectors of a text, and hidden layers on top of it.

        z_0 = 1/|X| sum over w in X of r_w v_w        z_i = g(W_i z_{i-1} + b_i)

    X are the words of the text, in training without those that word dropout takes out, and its
    hashed n-grams if `config.ngram_buckets` is not 0; each as often as it occurs, or once if
    `config.distinct_words` is set. Padding is never part of the mean; a text without a word has
    z_0 = 0. r_w is 1, or with `config.log_count_ratios` the absolute log-count ratio of the
    training texts (see `training.log_count_ratios`), a number that is not trained: words and
    n-grams that say nothing about the class add little to the mean, whatever their vectors.

    Reference:
        Iyyer et al. 2015, Deep unordered composition rivals syntactic methods for text
        classification; Wang and Manning 2012, Baselines and bigrams (log-count ratios).
    """

    has_vector: Tensor
    word_ratios: Tensor
    ngram_ratios: Tensor

    def __init__(self, config: DANConfig) -> None:
        super().__init__(config)
        width, hidden = config.embedding_size, config.hidden_size
        self.embed_tokens = nn.Embedding(config.vocab_size, width)
        if config.ngram_buckets:
            self.embed_ngrams = nn.Embedding(config.ngram_buckets, width)
        # which words have a vector that was read from a file
        self.register_buffer("has_vector", torch.zeros(config.vocab_size, dtype=torch.bool))
        if config.log_count_ratios:
            self.register_buffer("word_ratios", torch.ones(config.vocab_size))
            self.register_buffer("ngram_ratios", torch.ones(config.ngram_buckets))
        widths = [width] + [hidden] * config.num_hidden_layers
        self.layers = AveragingLayers(widths)
        self.activation = ACT2FN[config.hidden_act]
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.post_init()

    @property
    def output_size(self) -> int:
        """Width of what comes out."""
        return self.config.hidden_size if self.layers else self.config.embedding_size

    @torch.no_grad()
    def set_vectors(self, ids: Tensor, vectors: Tensor) -> None:
        """Replace the vectors of some words by pretrained ones.

        Args:
            ids: Of the words.
            vectors: Theirs.

        Shape:
            ids: (words,); vectors: (words, embedding_size).
        """
        self.embed_tokens.weight[ids] = vectors.to(self.embed_tokens.weight)
        self.has_vector[ids] = True

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        lengths: Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutput:
        """Average the words of each text, and pass the means through the layers.

        Args:
            input_ids: Token ids, padded; or those of all texts one after the other, with `lengths`.
            attention_mask: 0 at padding; by default at padding tokens.
            lengths: How many of the ids belong to each text, if they are not padded.
            **kwargs: What transformers passes to every model.

        Returns:
            The last z of each text as `last_hidden_state`.

        Shape:
            input_ids: (texts, length) or (words,); attention_mask: (texts, length);
            lengths: (texts,); result: (texts, output_size).
        """
        if lengths is None:
            padding: Any = self.config.pad_token_id
            real = attention_mask
            if real is None:
                real = torch.ones_like(input_ids) if padding is None else input_ids != padding
            input_ids, lengths = ragged(input_ids, real)
        return BaseModelOutput(last_hidden_state=self.transform(self.mean(input_ids, lengths)))

    def transform(self, mean: Tensor) -> Tensor:
        """The layers on top of the mean.

        Shape:
            mean: (texts, embedding_size); result: (texts, output_size).
        """
        return self.layers(mean, self.activation, self.dropout)

    def scaled_vectors(self, embedding: nn.Embedding, ids: Tensor) -> Tensor:
        """What words or n-grams add to the mean: r_w v_w.

        Args:
            embedding: `embed_tokens` or `embed_ngrams`.
            ids: Of words or buckets.

        Shape:
            ids: any; result: that and embedding_size.
        """
        words = embedding is self.embed_tokens
        frozen = words and self.config.freeze_vectors
        rows = embedding_rows(
            embedding.weight,
            ids,
            sparse=self.config.sparse_gradients,
            frozen=self.has_vector if frozen else None,
        )
        if not self.config.log_count_ratios:
            return rows
        ratios = self.word_ratios if words else self.ngram_ratios
        return rows * ratios[ids].unsqueeze(-1)

    def hashed_ngrams(self, words: Tensor, lengths: Tensor) -> list[tuple[Tensor, Tensor]]:
        """The n-grams of the texts for n = 2, 3, ...; none if the model has none."""
        if not self.config.ngram_buckets:
            return []
        return hashed_ngrams(words, lengths, self.config.max_ngram, self.config.ngram_buckets)

    def mean(self, words: Tensor, lengths: Tensor) -> Tensor:
        """The mean vector z_0 of each text.

        Shape:
            words: (words,); lengths: (texts,); result: (texts, embedding_size).
        """
        bags = [(self.embed_tokens, words, text_of_word(lengths))]
        if ngrams := self.hashed_ngrams(words, lengths):
            ids, texts = map(torch.cat, zip(*ngrams, strict=True))
            bags.append((self.embed_ngrams, ids, texts))
        dtype = self.embed_tokens.weight.dtype
        exact = torch.promote_types(dtype, torch.float32)  # bfloat16 counts no further than 256
        total = number = self.embed_tokens.weight.new_zeros(len(lengths), 1, dtype=exact)
        for embedding, ids, text in bags:
            weights = torch.ones_like(text, dtype=exact)
            if self.training and self.config.word_dropout:
                kept = kept_words(text, len(lengths), self.config.word_dropout)
                weights = kept.to(weights)
            distinct, counts = bag_counts(ids, text, weights, len(lengths))
            if self.config.distinct_words:
                counts = counts.clamp(max=1)
            vectors = self.scaled_vectors(embedding, distinct)  # (distinct, embedding_size)
            total = total + counts.to(vectors.dtype) @ vectors  # (texts, embedding_size)
            number = number + counts.sum(-1, keepdim=True)
        return (total / number.clamp(min=1)).to(dtype)


class DANForSequenceClassification(DANPreTrainedModel):
    """A deep averaging network that classifies texts: softmax(W z_n + b).

    Example:
        >>> from hf_lmcourse import DANConfig, DANForSequenceClassification
        >>> model = DANForSequenceClassification(DANConfig(vocab_size=100, num_labels=2))
    """

    # the loss is a mean over texts, so transformers has to weigh the pieces of a batch itself
    accepts_loss_kwargs = False

    def __init__(self, config: DANConfig) -> None:
        super().__init__(config)
        classes: Any = config.num_labels
        self.model = DANModel(config)
        self.classifier = nn.Linear(self.model.output_size, classes)
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        lengths: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput:
        """Classify each text.

        Arguments are those of `DANModel.forward`, and `labels`: a class of each text, or as
        `config.problem_type` says.

        Returns:
            Loss (cross-entropy in nats, or as `config.problem_type` says) and logits.

        Shape:
            labels: (texts,) or (texts, classes); logits: (texts, classes).
        """
        outputs = self.model(input_ids, attention_mask, lengths)
        logits = self.classifier(outputs.last_hidden_state)
        loss = None
        if labels is not None:
            loss = self.loss_function(labels=labels, pooled_logits=logits, config=self.config)
        return SequenceClassifierOutput(loss=loss, logits=logits)
