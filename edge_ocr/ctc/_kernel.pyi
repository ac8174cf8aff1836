from typing import Any

def greedy(mould: tuple[Any, ...], values: Any, unit: float, lengths: Any, blank: Any) -> Any: ...
def beam_search(
    mould: tuple[Any, ...],
    values: Any,
    unit: float,
    lengths: Any,
    blank: Any,
    width: Any,
    top: Any,
    prune: Any,
    automaton: Any,
) -> Any: ...
def score(values: Any, unit: float, lengths: Any, blank: Any, labels: Any) -> tuple[bool, bytes]: ...
def compile_automaton(offsets: Any, labels: Any, targets: Any, weights: Any, accept: Any, blank: int) -> object: ...
