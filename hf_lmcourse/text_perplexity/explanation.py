"""Why scores differ, in sentences that follow from measured values alone."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from .comparability import Key, bits_key, token_key
from .encoded_text import CLASSES
from .score import TextScore
from .token_classes import ClassCost, class_costs

Scores = Sequence[TextScore]


def explanation(scores: Scores) -> dict[str, list[str]]:
    """Explain the gaps between the rows of a table, in Markdown sentences by heading."""
    raw = [score for score in scores if score.text.preprocessing == "raw"]
    parts = {
        "Comparable scores": _best(scores),
        "Tokens and vocabulary": _tokens(raw),
        "From text to text": _texts(raw),
        "Unknown words": _unknown(raw),
        "Context": _context(raw),
        "Seen in training": _seen(raw),
        "Preprocessing": _preprocessing(scores),
    }
    found = {heading: list(sentences) for heading, sentences in parts.items()}
    return {heading: sentences for heading, sentences in found.items() if sentences}


def _best(scores: Scores) -> Iterator[str]:
    """The lowest and highest of each group of rows that can be compared."""
    for rows in _groups(scores, bits_key):
        first, *_, last = sorted(rows, key=_bits)
        yield (
            f"On {first.text.title}, {len(rows)} models compare in bits per character: the lowest "
            f"is {_bpc(first)} of {first.model}, the highest {_bpc(last)} of {last.model}."
        )
    for rows in _groups(scores, token_key):
        if bits_key(rows[0]) is None:  # else their bits per character are compared above
            first, *_, last = sorted(rows, key=_perplexity)
            yield (
                f"On {first.text.title}, {len(rows)} models have the same tokens, so that their "
                f"perplexities compare: from {_perplexity(first):,.2f} of {first.model} to "
                f"{_perplexity(last):,.2f} of {last.model}."
            )


def _tokens(scores: Scores) -> Iterator[str]:
    for score in _first_of_each_model(scores):
        yield (
            f"{score.model} has a vocabulary of {score.vocabulary:,} tokens: under a uniform "
            f"distribution each costs {math.log2(score.vocabulary):.2f} bits. A token of "
            f"{score.text.title} has {_length(score):.2f} characters and costs it "
            f"{score.metrics['bits_per_token']:.2f} bits, {_bpc(score)} per character."
        )
    for name in dict.fromkeys(score.text.name for score in scores):
        rows = [s for s in scores if s.text.name == name and bits_key(s) is not None]
        if not rows:
            continue
        low, compact = min(rows, key=_perplexity), min(rows, key=_bits)
        if token_key(low) != token_key(compact):
            yield (
                f"On {name}, {low.model} has the lowest perplexity of the lossless models "
                f"({_perplexity(low):,.2f}, {_length(low):.2f} characters per token, "
                f"{_bpc(low)} bits per character), and {compact.model} needs fewer bits for it "
                f"({_perplexity(compact):,.2f}, {_length(compact):.2f}, {_bpc(compact)}): its "
                "tokens are longer."
            )


def _texts(scores: Scores) -> Iterator[str]:
    """Each model on every two texts: the gap, and what it consists of."""
    for model in dict.fromkeys(score.model for score in scores):
        rows = [score for score in scores if score.model == model]
        for pair in combinations(rows, 2):
            low, high = sorted(pair, key=_bits)
            gap = _bits(high) - _bits(low)
            unknown = any(score.encoded.unknown_tokens for score in pair)
            yield (
                f"{model} needs {_bpc(low)} bits per character on {low.text.name} and "
                f"{_bpc(high)} on {high.text.name}, {gap:.3f} more"
                f"{', without spelling the unknown tokens' if unknown else ''}."
            )
            yield from _largest_parts(low, high, gap)
            if low.overlap is not None and high.overlap is not None:
                yield (
                    f"Of the running words of {low.text.name}, {low.overlap.words:.1%} occur in "
                    f"its training text, of those of {high.text.name} {high.overlap.words:.1%}."
                )


def _largest_parts(low: TextScore, high: TextScore, gap: float) -> Iterator[str]:
    absent = ClassCost(0.0, 0.0, 0.0, 0.0)
    before, after = class_costs(low), class_costs(high)
    pairs = {name: (before.get(name, absent), after.get(name, absent)) for name in before | after}
    rises = {n: b.bits_per_character - a.bits_per_character for n, (a, b) in pairs.items()}
    names = sorted(rises, key=rises.__getitem__, reverse=True)
    largest = [name for name in names if rises[name] > 0.1 * gap > 0][:3]
    if len(names) > 1 and largest:
        parts = (
            f"{rises[name]:.3f} from {name} ({pairs[name][0].tokens:.1%} of the tokens of "
            f"{low.text.name}, {pairs[name][1].tokens:.1%} of {high.text.name})"
            for name in largest
        )
        yield f"Of the {gap:.3f}, these are the largest parts: {'; '.join(parts)}."


def _unknown(scores: Scores) -> Iterator[str]:
    for score in scores:
        costs = class_costs(score)
        unknown = costs.pop(CLASSES[0], None)
        if unknown is None:
            continue
        sentence = (
            f"{unknown.tokens:.1%} of the tokens of {score.text.name} are unknown to "
            f"{score.model}: it predicts that a token is unknown "
            f"({unknown.bits_per_token:.2f} bits on average), not which word it is"
        )
        if not costs:
            yield f"{sentence}."
            continue
        known = sum(cost.tokens * cost.bits_per_token for cost in costs.values())
        known /= sum(cost.tokens for cost in costs.values())
        effect = "lower" if unknown.bits_per_token < known else "higher"
        yield (
            f"{sentence}. The known ones cost {known:.2f}: over these alone the "
            f"perplexity is {2.0**known:,.2f}; the unknown class makes it {effect}, "
            f"{_perplexity(score):,.2f}."
        )


def _context(scores: Scores) -> Iterator[str]:
    """Rows that compare, from the shortest context to the longest."""
    for score in _first_of_each_model(scores):
        yield (
            f"The context of {score.model} is {score.context}: on {score.text.name} "
            f"{score.context.mean:,.1f} tokens on average, about {_reach(score):,.0f} characters."
        )
    for key in (bits_key, token_key):
        for rows in _groups(scores, key):
            if key is bits_key or bits_key(rows[0]) is None:
                yield from _order_by_context(sorted(rows, key=_reach))


def _order_by_context(rows: list[TextScore]) -> Iterator[str]:
    if _reach(rows[0]) == _reach(rows[-1]):
        return
    costs = [_bits(row) for row in rows]
    costs_by_context = ", ".join(f"{row.model} {_bpc(row)} ({_reach(row):,.0f})" for row in rows)
    verdict = "the order differs, so the models differ in more than context"
    if costs == sorted(costs, reverse=True):
        verdict = "the more context, the fewer bits"
    yield (
        f"Bits per character on {rows[0].text.name} from the shortest context to the longest "
        f"(mean characters of it): {costs_by_context}; {verdict}."
    )


def _seen(scores: Scores) -> Iterator[str]:
    for score in scores:
        overlap = score.overlap
        if overlap is None or not overlap.verbatim:
            continue
        yield (
            f"{score.text.name} occurs verbatim in the training text of {score.model} "
            f"({overlap.source}): its {_bpc(score)} bits per character are not those of an "
            "unseen text."
        )
        for other in scores:
            fair = other.overlap is not None and not other.overlap.verbatim
            if fair and token_key(other) is not None and token_key(other) == token_key(score):
                gap = _bits(other) - _bits(score)
                yield (
                    f"{other.model}, which has not seen it, needs {_bpc(other)}: "
                    f"{abs(gap):.3f} {'more' if gap > 0 else 'less'}, which is the effect of "
                    "having seen it only if the two differ in nothing else."
                )


def _preprocessing(scores: Scores) -> Iterator[str]:
    raw = {(s.model, s.text.name): s for s in scores if s.text.preprocessing == "raw"}
    for score in scores:
        text, before = score.text, raw[score.model, score.text.name]
        if before.text.facts.sha256 == text.facts.sha256:
            continue
        yield (
            f"On {text.name}, {text.preprocessing} changes {text.changed:.1%} of the "
            f"characters: for {score.model} the unknown tokens go from "
            f"{before.metrics['unknown_share']:.1%} to {score.metrics['unknown_share']:.1%}, and "
            f"the bits per character from {_bpc(before)} to {_bpc(score)}, of another text."
        )


def _groups(scores: Scores, key: Callable[[TextScore], Key]) -> list[list[TextScore]]:
    """Group rows of several models with the same key, one row per model."""
    found: dict[Key, dict[str, TextScore]] = {}
    for score in scores:
        found.setdefault(key(score), {}).setdefault(score.model, score)
    return [list(rows.values()) for k, rows in found.items() if k is not None and len(rows) > 1]


def _first_of_each_model(scores: Scores) -> list[TextScore]:
    return list({score.model: score for score in reversed(scores)}.values())[::-1]


def _length(score: TextScore) -> float:
    return score.text.facts.characters / score.metrics["tokens"]


def _reach(score: TextScore) -> float:
    return score.context.mean * _length(score)  # in characters


def _bits(score: TextScore) -> float:
    return score.metrics["bits_per_character"]


def _perplexity(score: TextScore) -> float:
    return score.metrics["perplexity"]


def _bpc(score: TextScore) -> str:
    return f"{_bits(score):.3f}{score.asterisk}"
