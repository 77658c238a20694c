// The tokenizers of the package. `split` gives the tokens of a text with their places in it, in
// UTF-16 units; `textOf` what a drawn token adds to a text.

/** White_Space of Unicode; \s of JavaScript is another set. */
const SPACE = String.raw`\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000`;
/** \w of the package's regular expressions (Oniguruma). */
const WORD = String.raw`\p{Alphabetic}\p{M}\p{Nd}\p{Pc}²³¹¼½¾`;

class Tokenizer {
  constructor(description) {
    Object.assign(this, description);
    this.ids = new Map(description.vocabulary.map((entry, id) => [entry, id]));
  }

  id(entry) {
    return this.ids.get(entry) ?? this.unknown;
  }

  /** Lower case of each code point by the package's own table, so that no browser differs. */
  folded(text) {
    return Array.from(text, (c) => this.lowercase?.[c] ?? c).join("");
  }

  token(entry, start, end) {
    return { id: this.id(entry), start, end };
  }

  /** Special tokens are not: they are parts of the training data, not of a text. */
  canBeDrawn(id) {
    return !this.undrawn.includes(id);
  }
}

/** One token per code point. */
class CharacterTokenizer extends Tokenizer {
  split(text) {
    let place = 0;
    return Array.from(text, (c) => this.token(c, place, (place += c.length)));
  }

  textOf(id) {
    return this.vocabulary[id];
  }
}

/** One token per word between whitespace, and one for each line break. */
class WordTokenizer extends Tokenizer {
  split(text) {
    const found = text.matchAll(new RegExp(String.raw`\n|[^${SPACE}]+`, "gu"));
    return Array.from(found, ({ 0: word, index }) =>
      this.token(word === "\n" ? "<eos>" : this.folded(word), index, index + word.length));
  }

  textOf(id, before) {
    if (id === this.line_end) return "\n";
    return (before === "" || before.endsWith("\n") ? "" : " ") + this.vocabulary[id];
  }
}

/** The course assignment's words: digits of words without letters are DG, lines have <s> <s>. */
class DigitPatternTokenizer extends WordTokenizer {
  split(text) {
    const tokens = [];
    const begin = (place) => {
      for (let k = 0; k < 2; k++) tokens.push(this.token("<s>", place, place));
    };
    if (text !== "") begin(0);
    for (const { 0: word, index } of text.matchAll(new RegExp(String.raw`\n|[^${SPACE}]+`, "gu"))) {
      const end = index + word.length;
      tokens.push(this.token(word === "\n" ? "</s>" : this.canonical(word), index, end));
      if (word === "\n" && end < text.length) begin(end);
    }
    return tokens;
  }

  canonical(word) {
    const folded = this.folded(word);
    if (/\p{L}/u.test(folded)) return folded;
    const digits = folded.replace(/\p{Nd}/gu, "DG");
    return digits.startsWith("DG") ? digits.replaceAll(",", "") : digits;
  }

  /** A pattern is written with zeros, which are read as that pattern again. */
  textOf(id, before) {
    return super.textOf(id, before).replace(/\bDG(?=DG|[^\p{L}]|$)|(?<=DG)DG/gu, "0");
  }
}

/** Lower-case words and punctuation of prose; HTML line breaks are spaces. */
class WordPunctuationTokenizer extends Tokenizer {
  split(text) {
    const breaks = new RegExp(String.raw`<br[${SPACE}]*/?>`, "gu");
    const places = [];
    let folded = "", place = 0;
    for (const c of text.replace(breaks, (found) => " ".repeat(found.length))) {
      const lower = this.folded(c);
      for (let k = 0; k < lower.length; k++) places.push(place);
      folded += lower;
      place += c.length;
    }
    places.push(place);
    const words = String.raw`[${WORD}]+(?=n't)|n't|'[${WORD}]+|[${WORD}]+|[^${WORD}${SPACE}]`;
    return Array.from(folded.matchAll(new RegExp(words, "gu")), ({ 0: word, index }) =>
      this.token(word, places[index], places[index + word.length]));
  }

  textOf(id, before) {
    return (before === "" ? "" : " ") + this.vocabulary[id];
  }
}

const TOKENIZERS = {
  character: CharacterTokenizer,
  word: WordTokenizer,
  digit_pattern: DigitPatternTokenizer,
  word_punctuation: WordPunctuationTokenizer,
};

const makeTokenizer = (description) => new TOKENIZERS[description.kind](description);
