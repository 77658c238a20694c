"""The deep averaging network as a classifier of transformers."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import initialization as init
from transformers.activations import ACT2FN
from transformers.modeling_outputs import BaseModelOutput, SequenceClassifierOutput
from transformers.utils.generic import can_return_tuple

from ...kernels.bags import bag_counts, padded, ragged, text_of_word
from ...kernels.readable_weights import readable
from ...layers.averaging import (
    AveragingLayers,
    hashed_ngrams,
    kept_words,
    padded_ngrams,
    shares_of_distinct,
    words_first,
)
from ...layers.dropout import Dropout
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
        if isinstance(module, DANForSequenceClassification) and self.config.balance_classes:
            init.ones_(module.class_weights)

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

        z_0 = 1/|X|^a sum over w in X of r_w v_w        z_i = g(W_i z_{i-1} + b_i)

    X are the words of the text, in training without those that word dropout takes out, and its
    hashed n-grams if `config.ngram_buckets` is not 0; each as often as it occurs, or once if
    `config.distinct_words` is set. Padding is never part of the mean; a text without a word has
    z_0 = 0. a is `config.length_exponent`: with 1 z_0 is the mean. r_w is 1, or with
    `config.log_count_ratios` the absolute log-count ratio of the training texts (see
    `training.log_count_ratios`), a number that is not trained: words and n-grams that say nothing
    about the class add little to the mean, whatever their vectors.

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
        # DistributedDataParallel asks the modules which gradients are sparse
        sparse = config.sparse_gradients
        self.embed_tokens = nn.Embedding(config.vocab_size, width, sparse=sparse)
        if config.ngram_buckets:
            self.embed_ngrams = nn.Embedding(config.ngram_buckets, width, sparse=sparse)
        # which words have a vector that was read from a file
        self.register_buffer("has_vector", torch.zeros(config.vocab_size, dtype=torch.bool))
        if config.log_count_ratios:
            self.register_buffer("word_ratios", torch.ones(config.vocab_size))
            self.register_buffer("ngram_ratios", torch.ones(config.ngram_buckets))
        widths = [width] + [hidden] * config.num_hidden_layers
        self.layers = AveragingLayers(widths)
        self.activation = ACT2FN[config.hidden_act]
        self.dropout = Dropout(config.hidden_dropout)
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
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        lengths: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        **kwargs: Any,
    ) -> BaseModelOutput:
        """Average the words of each text, and pass the means through the layers.

        Args:
            input_ids: Token ids, padded; or those of all texts one after the other, with `lengths`.
            attention_mask: 0 at padding; by default at padding tokens.
            lengths: How many of the ids belong to each text, if they are not padded.
            inputs_embeds: Word vectors in place of ids.
            **kwargs: `output_hidden_states`.

        Returns:
            The last z of each text as `last_hidden_state`; z_0, z_1, ... as `hidden_states`.

        Raises:
            ValueError: Both or neither of `input_ids` and `inputs_embeds`, or the latter for a
                model whose mean depends on which words they are.

        Shape:
            input_ids: (texts, length) or (words,); attention_mask: (texts, length);
            lengths: (texts,); inputs_embeds: (texts, length, embedding_size);
            result: (texts, output_size).
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        ids: Any = input_ids
        if inputs_embeds is not None:
            mean = self._mean_of_vectors(inputs_embeds, attention_mask)
        elif lengths is not None:
            mean = self.mean(ids, lengths)
        else:
            mean = self._mean_of_padded(ids, attention_mask)
        steps = self.layers(mean, self.activation, self.dropout)  # (texts, size) each
        wanted = kwargs.get("output_hidden_states")
        wanted = self.config.output_hidden_states if wanted is None else wanted
        return BaseModelOutput(last_hidden_state=steps[-1], hidden_states=steps if wanted else None)

    def transform(self, mean: Tensor) -> Tensor:
        """The layers on top of the mean.

        Shape:
            mean: (texts, embedding_size); result: (texts, output_size).
        """
        return self.layers(mean, self.activation, self.dropout)[-1]

    def scaled_vectors(self, embedding: nn.Embedding, ids: Tensor) -> Tensor:
        """What words or n-grams add to the mean: r_w v_w.

        Args:
            embedding: `embed_tokens` or `embed_ngrams`.
            ids: Of words or buckets.

        Shape:
            ids: any; result: that and embedding_size.
        """
        words = embedding is self.embed_tokens
        frozen = self.has_vector if words and self.config.freeze_vectors else None
        if readable(embedding):
            rows = embedding_rows(embedding.weight, ids, sparse=embedding.sparse, frozen=frozen)
        else:
            rows = embedding(ids)
            if frozen is not None and isinstance(embedding, nn.Embedding):
                rows = torch.where(frozen[ids].unsqueeze(-1), rows.detach(), rows)
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
        """The mean vector z_0 of each text, each distinct word of the batch looked up once.

        Embeddings that are wrapped or hooked see the padded texts instead.

        Shape:
            words: (words,); lengths: (texts,); result: (texts, embedding_size).
        """
        if not self._reads_distinct_words():
            return self._mean_of_positions(*padded(words, lengths))
        bags = [(self.embed_tokens, words, text_of_word(lengths))]
        if ngrams := self.hashed_ngrams(words, lengths):
            ids, texts = map(torch.cat, zip(*ngrams, strict=True))
            bags.append((self.embed_ngrams, ids, texts))
        dtype = self.dtype
        exact = torch.promote_types(dtype, torch.float32)  # bfloat16 counts no further than 256
        total = number = torch.zeros(len(lengths), 1, dtype=exact, device=words.device)
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
        return self._by_length(total, number).to(dtype)

    def _by_length(self, total: Tensor, number: Tensor) -> Tensor:
        """Divide the sums of vectors by the power of the number of words that the config says."""
        return total / number.clamp(min=1) ** self.config.length_exponent

    def _reads_distinct_words(self) -> bool:
        """Whether embeddings may be read past their call, and sizes depend on the words."""
        tables = [self.embed_tokens, *([self.embed_ngrams] if self.config.ngram_buckets else [])]
        return readable(*tables) and not torch.compiler.is_exporting()

    def _mean_of_padded(self, input_ids: Tensor, attention_mask: Tensor | None) -> Tensor:
        """`mean` of a padded batch. Shapes as in `forward`."""
        padding: Any = self.config.pad_token_id
        real = attention_mask
        if real is None:
            real = torch.ones_like(input_ids) if padding is None else input_ids != padding
        if torch.compiler.is_exporting():
            return self._mean_of_positions(*words_first(input_ids, real != 0))
        return self.mean(*ragged(input_ids, real))

    def _mean_of_positions(self, words: Tensor, real: Tensor) -> Tensor:
        """`mean` position by position: the reference, which calls the embeddings.

        Shape:
            words, real: (texts, length), all padding on the right; result: (texts, embedding_size).
        """
        config, exact = self.config, torch.promote_types(self.dtype, torch.float32)
        bags = [(self.embed_tokens, words, real)]
        if config.ngram_buckets:
            ngrams = padded_ngrams(words, real, config.max_ngram, config.ngram_buckets)
            bags.append((self.embed_ngrams, *ngrams))
        total = number = torch.zeros(1, 1, dtype=exact, device=words.device)
        for embedding, ids, there in bags:
            weights = self._kept(there).to(exact)  # (texts, positions)
            if config.distinct_words:
                weights = shares_of_distinct(ids, weights)
            vectors = self.scaled_vectors(embedding, ids)  # (texts, positions, embedding_size)
            total = total + (vectors * weights.unsqueeze(-1)).sum(1)
            number = number + weights.sum(1, keepdim=True)
        return self._by_length(total, number).to(self.dtype)

    def _mean_of_vectors(self, vectors: Tensor, attention_mask: Tensor | None) -> Tensor:
        """The mean of word vectors that are given. Shapes as in `forward`."""
        config = self.config
        if config.ngram_buckets or config.distinct_words or config.log_count_ratios:
            raise ValueError(
                "inputs_embeds do not say which words they are: ngram_buckets, distinct_words and "
                "log_count_ratios need input_ids"
            )
        real = vectors.new_ones(vectors.shape[:2]) if attention_mask is None else attention_mask
        exact = torch.promote_types(vectors.dtype, torch.float32)
        weights = self._kept(real != 0).to(exact).unsqueeze(-1)  # (texts, length, 1)
        return self._by_length((vectors * weights).sum(1), weights.sum(1)).to(vectors.dtype)

    def _kept(self, real: Tensor) -> Tensor:
        """The positions that word dropout keeps. Shape: (texts, length) in and out."""
        if not self.training or not self.config.word_dropout:
            return real
        text = real.nonzero()[:, 0]
        return real.masked_scatter(real, kept_words(text, len(real), self.config.word_dropout))


class DANForSequenceClassification(DANPreTrainedModel):
    """A deep averaging network that classifies texts: softmax(W z_n + b).

    The loss of a batch is the mean of -log p(class of the text); in training with
    `config.balance_classes` the mean of -w log p, w the weight of `training.class_weights`.

    Example:
        >>> from hf_lmcourse import DANConfig, DANForSequenceClassification
        >>> model = DANForSequenceClassification(DANConfig(vocab_size=100, num_labels=2))
    """

    # the loss is a mean over texts, so transformers has to weigh the pieces of a batch itself
    accepts_loss_kwargs = False
    class_weights: Tensor

    def __init__(self, config: DANConfig) -> None:
        super().__init__(config)
        classes: Any = config.num_labels
        self.model = DANModel(config)
        self.classifier = nn.Linear(self.model.output_size, classes)
        if config.balance_classes:
            self.register_buffer("class_weights", torch.ones(classes))
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        lengths: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
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
        outputs = self.model(input_ids, attention_mask, lengths, inputs_embeds, **kwargs)
        logits = self.classifier(outputs.last_hidden_state)
        loss = None if labels is None else self._loss(logits, labels)
        return SequenceClassifierOutput(
            loss=loss, logits=logits, hidden_states=outputs.hidden_states
        )

    def _loss(self, logits: Tensor, labels: Tensor) -> Tensor:
        """The loss of a batch. Shapes as in `forward`."""
        if self.training and self.config.balance_classes:
            weights = self.class_weights.to(logits)
            labels = labels.to(logits.device)
            # over texts, whose weights are 1 on average: a batch in parts has the same gradient
            return functional.cross_entropy(logits, labels, weights, reduction="sum") / len(labels)
        return self.loss_function(labels=labels, pooled_logits=logits, config=self.config)
