"""Models for lm-evaluation-harness: ``python -m sigmoe.lm_eval`` is its command line with the model ``sigmoe``.

``lm_eval --model sigmoe`` itself finds the model where its version looks for the entry points of installed packages.

    python -m sigmoe.lm_eval --model sigmoe --model_args pretrained=RUN --tasks TASKS
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lm_eval.api.model import LM  # type: ignore[import-not-found, import-untyped, unused-ignore]
from lm_eval.api.registry import register_model  # type: ignore[import-not-found, import-untyped, unused-ignore]

from ._model import Model

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance  # type: ignore[import-not-found, import-untyped, unused-ignore]

_TOKEN_LIMITS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
_TOKENS = 256  # what the harness's other models generate, unless a task says otherwise
_PASSED_ON = ("top_k", "top_p", "min_p", "repetition_penalty", "seed")
_IGNORED = ("until", "do_sample", "temperature", *_TOKEN_LIMITS)


def _generation(settings: dict[str, Any]) -> dict[str, Any]:
    """The options of ``Model.generate`` for a task's ``generation_kwargs``: greedy, unless these ask for a temperature."""
    unknown = sorted(set(settings) - {*_PASSED_ON, *_IGNORED})
    if unknown:
        raise ValueError(f"sigmoe does not know the generation setting {unknown[0]!r}")
    until = settings.get("until") or []
    temperature = float(settings.get("temperature") or 0)
    if settings.get("do_sample") and temperature == 0:
        temperature = 1.0
    return {
        "max_new_tokens": next((int(settings[name]) for name in _TOKEN_LIMITS if settings.get(name) is not None), _TOKENS),
        "stop_strings": [text for text in ([until] if isinstance(until, str) else until) if text],
        "do_sample": temperature > 0 and settings.get("do_sample") is not False,
        "temperature": temperature or 1.0,
        **{name: settings[name] for name in _PASSED_ON if settings.get(name) is not None},
    }


@register_model("sigmoe")
class SigmoeLM(LM):  # type: ignore[misc, unused-ignore] # lm_eval need not be there
    """A model of the library.

    Args:
        pretrained: a model directory, or a run: its newest checkpoint.
        dtype: of the operands of matrix products, "f32", "bf16" or "int8".
        threads: that it computes with; 0: as many as the process may use.
        batch_size: prompts to continue together, 1 to 8. Likelihoods do not need it.
        device, max_batch_size: the harness gives them to every model; it is the processor that computes.
    """

    def __init__(
        self,
        pretrained: str,
        dtype: str = "f32",
        threads: int | str = 0,
        batch_size: int | str | None = None,
        device: str | None = None,
        max_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        self._model = Model.load(str(pretrained), threads=int(threads), dtype=str(dtype))
        self._batch = 8 if batch_size is None or str(batch_size).startswith("auto") else min(max(int(batch_size), 1), 8)

    @property
    def tokenizer_name(self) -> str:
        """For the names of caches of requests."""
        return "sigmoe"

    def loglikelihood(self, requests: list[Instance], disable_tqdm: bool = False) -> list[tuple[float, bool]]:
        scores = self._model.score_all([request.args for request in requests])
        answers = [(-score.nats, score.greedy) for score in scores]
        for request, answer in zip(requests, answers):
            self.cache_hook.add_partial("loglikelihood", request.args, answer)
        return answers

    def loglikelihood_rolling(self, requests: list[Instance], disable_tqdm: bool = False) -> list[float]:
        scores = self._model.score_all([("", request.args[0]) for request in requests])
        answers = [-score.nats for score in scores]
        for request, answer in zip(requests, answers):
            self.cache_hook.add_partial("loglikelihood_rolling", request.args, answer)
        return answers

    def generate_until(self, requests: list[Instance], disable_tqdm: bool = False) -> list[str]:
        answers = [""] * len(requests)
        alike: dict[str, list[int]] = {}
        for i, request in enumerate(requests):
            alike.setdefault(repr(_generation(request.args[1])), []).append(i)
        for places in alike.values():
            options = _generation(requests[places[0]].args[1])
            texts = self._model.generate([requests[i].args[0] for i in places], batch_size=self._batch, **options)
            for i, text in zip(places, texts):
                answers[i] = text
                self.cache_hook.add_partial("generate_until", requests[i].args, text)
        return answers


def main() -> None:
    """The harness's own command line."""
    from lm_eval.__main__ import cli_evaluate  # type: ignore[import-not-found, import-untyped, unused-ignore]

    cli_evaluate()


if __name__ == "__main__":
    main()
