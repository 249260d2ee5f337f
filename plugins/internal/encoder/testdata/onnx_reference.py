"""Encodes token ids with ONNX Runtime, as the reference that the Go encoder is compared with.

Usage: onnx_reference.py MODEL_DIR < request.json > response.json

MODEL_DIR holds config.json and model.safetensors (F32, BERT layout). The request is {"ids": [[...], ...]}; texts are padded
to the longest and masked. The response has one list of vectors for each of mean, cls and max, and for each of them
normalised: mean_unit, cls_unit, max_unit.

The graph is built from standard ONNX operators only and shares no code with the Go encoder.
"""

import json
import math
import pathlib
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, checker, helper, numpy_helper


def read_safetensors(path):
    blob = path.read_bytes()
    length = int.from_bytes(blob[:8], "little")
    header = json.loads(blob[8 : 8 + length])
    data = blob[8 + length :]
    tensors = {}
    for name, entry in header.items():
        # Real files also hold an integer table of positions, which no operator here needs.
        if name == "__metadata__" or entry["dtype"] != "F32":
            continue
        begin, end = entry["data_offsets"]
        tensors[name] = np.frombuffer(data[begin:end], "<f4").reshape(entry["shape"])
    return tensors


class Graph:
    def __init__(self):
        self.nodes, self.initializers, self.count = [], [], 0

    def constant(self, array):
        self.count += 1
        name = f"c{self.count}"
        self.initializers.append(numpy_helper.from_array(np.array(array), name))
        return name

    def floats(self, *values):
        return self.constant(np.array(values, np.float32))

    def ints(self, *values):
        return self.constant(np.array(values, np.int64))

    def op(self, kind, *inputs, output=None, **attributes):
        self.count += 1
        output = output or f"v{self.count}"
        self.nodes.append(helper.make_node(kind, list(inputs), [output], **attributes))
        return output


def build(config, weights):
    g = Graph()
    heads, width = config["num_attention_heads"], config["hidden_size"]
    depth, epsilon = width // heads, config["layer_norm_eps"]

    def norm(x, name):
        scale = g.constant(weights[name + ".weight"])
        bias = g.constant(weights[name + ".bias"])
        return g.op("LayerNormalization", x, scale, bias, axis=-1, epsilon=epsilon)

    def dense(x, name):
        product = g.op("MatMul", x, g.constant(weights[name + ".weight"].T))
        return g.op("Add", product, g.constant(weights[name + ".bias"]))

    def split_heads(x):
        shaped = g.op("Reshape", x, g.ints(0, 0, heads, depth))
        return g.op("Transpose", shaped, perm=[0, 2, 1, 3])

    def gelu(x):
        erf = g.op("Erf", g.op("Div", x, g.floats(math.sqrt(2))))
        return g.op("Mul", g.op("Mul", x, g.floats(0.5)), g.op("Add", erf, g.floats(1)))

    table = lambda name: g.constant(weights[f"embeddings.{name}_embeddings.weight"])
    x = g.op("Gather", table("word"), "ids")
    x = g.op("Add", x, g.op("Gather", table("position"), "positions"))
    x = g.op("Add", x, g.op("Gather", table("token_type"), "types"))
    x = norm(x, "embeddings.LayerNorm")

    keep = g.op("Unsqueeze", "mask", g.ints(1, 2))  # texts, 1, 1, tokens
    penalty = g.op("Mul", g.op("Sub", keep, g.floats(1)), g.floats(1e9))
    for i in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{i}."
        q, k, v = (split_heads(dense(x, f"{at}attention.self.{part}")) for part in ("query", "key", "value"))
        scores = g.op("MatMul", q, g.op("Transpose", k, perm=[0, 1, 3, 2]))
        scores = g.op("Add", g.op("Div", scores, g.floats(math.sqrt(depth))), penalty)
        mixed = g.op("MatMul", g.op("Softmax", scores, axis=-1), v)
        mixed = g.op("Reshape", g.op("Transpose", mixed, perm=[0, 2, 1, 3]), g.ints(0, 0, width))
        x = norm(g.op("Add", x, dense(mixed, at + "attention.output.dense")), at + "attention.output.LayerNorm")
        inner = gelu(dense(x, at + "intermediate.dense"))
        x = norm(g.op("Add", x, dense(inner, at + "output.dense")), at + "output.LayerNorm")

    column = g.op("Unsqueeze", "mask", g.ints(2))  # texts, tokens, 1
    total = g.op("ReduceSum", g.op("Mul", x, column), g.ints(1), keepdims=0)
    g.op("Div", total, g.op("ReduceSum", column, g.ints(1), keepdims=0), output="mean")
    g.op("Gather", x, g.constant(np.array(0, np.int64)), axis=1, output="cls")
    hidden = g.op("Mul", g.op("Sub", column, g.floats(1)), g.floats(1e9))
    g.op("ReduceMax", g.op("Add", x, hidden), g.ints(1), keepdims=0, output="max")
    outputs = []
    for mode in ("mean", "cls", "max"):
        length = g.op("Sqrt", g.op("ReduceSum", g.op("Mul", mode, mode), g.ints(1), keepdims=1))
        g.op("Div", mode, length, output=mode + "_unit")
        outputs += [mode, mode + "_unit"]

    ids = lambda name: helper.make_tensor_value_info(name, TensorProto.INT64, ["texts", "tokens"])
    mask = helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["texts", "tokens"])
    vectors = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["texts", width]) for name in outputs]
    graph = helper.make_graph(g.nodes, "bert", [ids("ids"), ids("positions"), ids("types"), mask], vectors, g.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    checker.check_model(model)
    return model, outputs


def main():
    directory = pathlib.Path(sys.argv[1])
    config = json.loads((directory / "config.json").read_text())
    model, outputs = build(config, read_safetensors(directory / "model.safetensors"))
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])

    texts = json.load(sys.stdin)["ids"]
    longest = max(map(len, texts))
    # The padding is a real token on purpose: only the mask may keep it out.
    ids = np.full((len(texts), longest), 7, np.int64)
    mask = np.zeros((len(texts), longest), np.float32)
    for i, text in enumerate(texts):
        ids[i, : len(text)] = text
        mask[i, : len(text)] = 1
    positions = np.broadcast_to(np.arange(longest), ids.shape)
    feeds = {"ids": ids, "positions": positions, "types": np.zeros_like(ids), "mask": mask}
    results = session.run(outputs, feeds)
    json.dump({name: value.tolist() for name, value in zip(outputs, results)}, sys.stdout)


if __name__ == "__main__":
    main()
