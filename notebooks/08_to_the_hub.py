# %% [markdown]
# # 8. From a run to the Hub
#
# [![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)](https://colab.research.google.com/github/hf-lmcourse/hf-lmcourse/blob/main/notebooks/08_to_the_hub.ipynb)
#
# A trained model that nobody else can load is of little use. Here a run becomes a repository of the Hub:
# the files, the model card, and the code that lets others load it without this package. Everything but
# the last cell is a dry run that needs no account and no network.

# %%
from importlib.util import find_spec

if find_spec("hf_lmcourse") is None:  # on Colab
    get_ipython().run_line_magic("pip", "install -q git+https://github.com/hf-lmcourse/hf-lmcourse")  # noqa: F821

# %% [markdown]
# ## A run
#
# Any run folder can be shared. This one is a small GRU that reads characters.

# %%
from pathlib import Path

import hf_lmcourse

Path("shared.yaml").write_text("""
model: {model_type: lmcourse_gru, embedding_size: 32, hidden_size: 64}
data: {corpus: cpython-docs, tokenizer: character, block_length: 64}
training: {max_steps: 120, per_device_train_batch_size: 16, learning_rate: 1e-2, logging_steps: 40,
           eval_strategy: "no", save_strategy: "no", sample_prompt: "The "}
""")
run = hf_lmcourse.train("shared.yaml")

# %% [markdown]
# ## What would go up
#
# Weights as safetensors, the config, the tokenizer, the card, the result, samples and plots. Never a
# pickle, a checkpoint, the state of an optimizer, a local path or an access token. With the code of the
# model, others need transformers alone: the files below that end in `.py` are generated from the
# package, the equation of the GRU among them.

# %%
from hf_lmcourse.sharing.export_code import export_code
from hf_lmcourse.sharing.repository_files import shared_contents

contents = shared_contents(run.folder, export_code(run.model.config.model_type))
for name, content in sorted(contents.items()):
    size = len(content) if isinstance(content, bytes) else content.stat().st_size
    print(f"{size:>9,} bytes  {name}")

# %% [markdown]
# ## The model card
#
# The card says what the model is, on what it was trained and how well it does, and how to repeat it.
# What you write between its marked lines is kept when it is made again. Its first lines are data: the
# Hub reads the licence, the metrics and the kind of model from them.

# %%
from huggingface_hub import ModelCard

card = ModelCard.load(run.folder / "README.md")
print(card.data.to_yaml())

# %% [markdown]
# The rest is text for people, and a page on the Hub: the equation, the metrics, the learning curve, a
# sample, and how to load the model. Below that come the data, the command, the settings and the versions.

# %%
print(card.text.split("## Training")[0])

# %% [markdown]
# ## What others get
#
# We write the files into a folder, as the Hub would serve them, and load them in a new process that
# cannot import this package. With `trust_remote_code` transformers uses the code in the folder. The
# model there has the same logits as ours, up to rounding: compiled kernels do not go up.

# %%
import subprocess
import sys

folder = Path("as_on_the_hub")
for name, content in contents.items():
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.read_bytes())
there = """
import sys
sys.modules["hf_lmcourse"] = None  # as if it were not installed
from transformers import AutoModelForCausalLM, AutoTokenizer
model = AutoModelForCausalLM.from_pretrained("as_on_the_hub", trust_remote_code=True)
tokenizer = AutoTokenizer.from_pretrained("as_on_the_hub", trust_remote_code=True)
inputs = tokenizer("The class", return_tensors="pt")
print(type(model).__module__.split(".")[0], model(**inputs).logits[0, -1, :4].round(decimals=4).tolist())
"""
result = subprocess.run([sys.executable, "-c", there], capture_output=True, text=True, check=True)
inputs = run.tokenizer("The class", return_tensors="pt")
print("without the package:", result.stdout.strip())
print(
    "with the package:   ",
    "hf_lmcourse",
    run.model(**inputs).logits[0, -1, :4].round(decimals=4).tolist(),
)

# %% [markdown]
# ## Push
#
# Log in once (`hf auth login`, or `huggingface_hub.notebook_login()`), put your name below, and run the
# cell. The same from a shell is `lmcourse push runs/shared your-name/shared --with-code`; and
# `push_to_hub: true` in a recipe pushes at the end of a run. Afterwards anyone can load the model by
# that name, and every command of `lmcourse` takes it in place of a folder.

# %%
from hf_lmcourse.sharing.push import push_folder

repository = ""  # "your-name/shared"
if repository:
    print(push_folder(run.folder, repository, with_code=True).url)
else:
    print("Nothing was pushed: name a repository first.")
