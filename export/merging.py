"""Several .tflite files of one network, for inputs of several sizes, as one file that holds each weight once.

A width of a recogniser is a subgraph with a signature of its own. Weights are the same bytes in all of them and are
kept once; biases and the few constants whose scale depends on the width are not. Names of tensors, which an interpreter
does without, are left out: an LSTM that is written out step by step has some 2,700 of them, a twelfth of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_IDENTIFIER = b"TFL3"


def merge(models: Mapping[str, bytes]) -> bytes:
    """One file with a signature for each model, whose inputs and outputs are called 'input0', 'output0' and so on.

    Args:
        models: the bytes of .tflite files with one subgraph each, by the names of their signatures.

    Returns:
        The bytes of a .tflite file; the first model is what an interpreter runs that is not asked for a signature.

    Raises:
        ValueError: there is no model, or one has several subgraphs.

    """
    import flatbuffers  # noqa: PLC0415 - comes with the interpreter, as does the schema
    from ai_edge_litert import schema_py_generated as schema  # noqa: PLC0415 - 20,000 lines that only this needs

    whole: Any = None
    codes: dict[tuple[int, int, bytes | None], int] = {}
    contents: dict[bytes, int] = {}
    for name, model in models.items():
        part = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model))
        if len(part.subgraphs) != 1:
            raise ValueError(f"models holds {name!r} with {len(part.subgraphs)} subgraphs, but one is needed")
        if whole is None:
            whole = schema.ModelT()
            whole.version, whole.description = part.version, part.description
            whole.buffers, whole.operatorCodes, whole.subgraphs, whole.signatureDefs = [schema.BufferT()], [], [], []
        (graph,) = part.subgraphs
        for tensor in graph.tensors:
            tensor.buffer = _place(whole.buffers, contents, part.buffers[tensor.buffer])
            tensor.name = None
        for operator in graph.operators:
            operator.opcodeIndex = _code(whole.operatorCodes, codes, part.operatorCodes[operator.opcodeIndex])
        whole.signatureDefs.append(_signature(schema, name, len(whole.subgraphs), graph))
        whole.subgraphs.append(graph)
    if whole is None:
        raise ValueError("models is empty: there is nothing to merge")
    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(whole.Pack(builder), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _place(buffers: list[Any], contents: dict[bytes, int], buffer: Any) -> int:
    """Where a buffer's bytes are in the whole; 0 is the buffer of tensors that have none."""
    if buffer.data is None or len(buffer.data) == 0:
        return 0
    content = bytes(buffer.data)
    if content not in contents:
        contents[content] = len(buffers)
        buffers.append(buffer)
    return contents[content]


def _code(operators: list[Any], codes: dict[tuple[int, int, bytes | None], int], code: Any) -> int:
    key = (int(code.builtinCode), int(code.version), code.customCode)
    if key not in codes:
        codes[key] = len(operators)
        operators.append(code)
    return codes[key]


def _signature(schema: Any, name: str, place: int, graph: Any) -> Any:
    made = schema.SignatureDefT()
    made.signatureKey, made.subgraphIndex = name, place
    made.inputs = [_named(schema, f"input{number}", tensor) for number, tensor in enumerate(graph.inputs)]
    made.outputs = [_named(schema, f"output{number}", tensor) for number, tensor in enumerate(graph.outputs)]
    return made


def _named(schema: Any, name: str, tensor: Any) -> Any:
    made = schema.TensorMapT()
    made.name, made.tensorIndex = name, int(tensor)
    return made
