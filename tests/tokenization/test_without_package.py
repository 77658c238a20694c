"""A saved tokenizer must serve people who never heard of this package."""

import json
import os
import subprocess
import sys
from pathlib import Path

from hf_lmcourse import CharRNNConfig
from hf_lmcourse.tokenization import CharacterTokenizer, DigitPatternTokenizer, WordTokenizer

TEXT = "the <unk> cat\n\nsat <pad> <eos> 1,234 \U0001f680 .\n"

SCRIPT = """
import json, sys
sys.modules["hf_lmcourse"] = None  # to import it is an error now
from transformers import AutoTokenizer
found = {}
for kind in sys.argv[2:]:
    tokenizer = AutoTokenizer.from_pretrained(kind)
    batch = tokenizer([sys.argv[1], "cat"], padding=True)
    assert set(batch) == {"input_ids", "attention_mask"}
    found[kind] = [batch["input_ids"], tokenizer.decode(batch["input_ids"][0])]
print(json.dumps(found))
"""


def test_auto_tokenizer_loads_every_kind_where_the_package_cannot_be_imported(
    tmp_path: Path,
) -> None:
    character, word = CharacterTokenizer.train(TEXT), WordTokenizer.train(TEXT)
    tokenizers = {"character": character, "word": word, "beside_a_model": character}
    tokenizers["digit_pattern"] = DigitPatternTokenizer.train(TEXT)
    for kind, tokenizer in tokenizers.items():
        tokenizer.save_pretrained(tmp_path / kind)
    CharRNNConfig().save_pretrained(tmp_path / "beside_a_model")  # of a type nobody knows there
    offline = {**os.environ, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, TEXT, *tokenizers],
        cwd=tmp_path,
        env=offline,
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stdout)
    for kind, tokenizer in tokenizers.items():
        ids = tokenizer([TEXT, "cat"], padding=True)["input_ids"]
        assert found[kind] == [ids, tokenizer.decode(ids[0])]
    assert found["character"][1] == TEXT
