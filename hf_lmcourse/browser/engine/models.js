// A model of the page from its description.

const FAMILIES = {
  char_rnn: RecurrentModel,
  lstm: RecurrentModel,
  gru: RecurrentModel,
  ngram_fnn: NGramModel,
  bigram_mlp: BigramModel,
  transformer: TransformerModel,
  dan: AveragingModel,
};

function makeModel({ family, config, weights }) {
  return new FAMILIES[family](family, config, new Weights(weights));
}
