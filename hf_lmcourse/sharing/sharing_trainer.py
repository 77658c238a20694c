"""Trainer whose pushes contain what a model repository should, and never end a training run."""

import logging
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast

from huggingface_hub import CommitInfo, HfApi
from transformers import Trainer
from transformers.trainer_utils import HubStrategy
from transformers.utils import PushInProgress

from ..hub.connection import bounded_requests, check_login
from ..hub.hub_errors import HubError, explained
from .push import push_folder

_WAIT_SECONDS = 10.0

AnyTrainer = TypeVar("AnyTrainer", bound=Trainer)


class SharingTrainer(Trainer):
    """transformers' Trainer, but for what goes to the Hub and what happens when that is away.

    Weights, configs, tokenizer, card, result and plots are pushed; training arguments (which are a
    pickle), optimizers, checkpoints and logs are not, whatever `hub_strategy` says. A push that
    fails during the training is a warning.
    """

    def init_hf_repo(self, token: str | None = None, private: bool | None = None) -> None:
        """Make the repository, see transformers.

        Raises:
            HubError: The cause, and what to do.
        """
        wanted = self.args.hub_model_id or Path(str(self.args.output_dir)).absolute().name
        attempt = f"make the repository {wanted}"
        if self.is_world_process_zero():
            check_login(attempt, wanted, token or self.args.hub_token)
        with explained(attempt, wanted), bounded_requests(_WAIT_SECONDS):
            super().init_hf_repo(token=token, private=private)

    def push_to_hub(
        self,
        commit_message: str | None = "End of training",
        blocking: bool = True,
        token: str | None = None,
        revision: str | None = None,
        private: bool | None = None,
        **kwargs: Any,
    ) -> Any:
        """Save the model in `output_dir`, and share what belongs to it.

        The arguments are those of `Trainer.push_to_hub`, and `private` to make a private
        repository (`hub_private_repo` by default).

        Returns:
            The commit, or a future of it; `None` in all processes but the first.

        Raises:
            HubError: The cause, and what to do. The model is saved by then.
        """
        self.callback_handler.on_push_begin(self.args, self.state, self.control)
        self.save_model(_internal_call=True)
        token = token or self.args.hub_token
        if self.hub_model_id is None:
            self.init_hf_repo(token=token, private=private)
        if not self.is_world_process_zero():
            return None
        kwargs.setdefault("model_name", str(self.hub_model_id).rpartition("/")[2])
        self.create_model_card(**kwargs)
        self._finish_current_push()
        push = partial(
            self._push,
            str(self.args.output_dir),
            commit_message=commit_message or "End of training",
            revision=revision or self.args.hub_revision,
            token=token,
        )
        return push() if blocking else HfApi().run_as_future(push)

    def _push(self, folder: str, **options: Any) -> CommitInfo:
        return push_folder(folder, str(self.hub_model_id), **options).commit

    def _push_from_checkpoint(self, checkpoint_folder: str) -> None:
        """Share a checkpoint's model in the background, unless one is still on its way."""
        if not self.is_world_process_zero() or self.args.hub_strategy == HubStrategy.END:
            return
        busy = self.push_in_progress is not None and not self.push_in_progress.is_done()
        if busy and not self.args.hub_always_push:
            return
        self._finish_current_push()
        self.callback_handler.on_push_begin(self.args, self.state, self.control)
        jobs: Any = [HfApi().run_as_future(self._try_to_push, checkpoint_folder)]
        self.push_in_progress: Any = PushInProgress(jobs)

    def _try_to_push(self, folder: str) -> None:
        try:
            self._push(
                folder,
                commit_message=f"Training in progress, step {self.state.global_step}",
                revision=self.args.hub_revision,
                token=self.args.hub_token,
            )
        except HubError as error:
            logging.getLogger(__name__).warning("%s", error)


def with_sharing(trainer_class: type[AnyTrainer]) -> type[AnyTrainer]:
    """Derive a Trainer class that pushes as `SharingTrainer` does and trains as before."""
    name = f"Sharing{trainer_class.__name__}"
    return cast(type[AnyTrainer], type(name, (SharingTrainer, trainer_class), {}))
