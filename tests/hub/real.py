"""A real small model and a real small table, made with the libraries that clients load them by.

Nothing is downloaded: the tokenizer is trained on a made text, the weights are random numbers under
the names that BERT has. Made once per process: training breaks its ties by hash order, so another
process may get another vocabulary.
"""
import functools
import io
import json

WORDS = ("the", "hub", "keeps", "every", "file", "that", "passes", "checked", "and", "serves", "it",
         "again", "when", "network", "is", "gone", "small", "models", "load", "fast")
LAYERS, HIDDEN, HEADS, INNER, POSITIONS = 2, 32, 2, 64, 64
SPECIAL = {"unk_token": "[UNK]", "sep_token": "[SEP]", "pad_token": "[PAD]",
           "cls_token": "[CLS]", "mask_token": "[MASK]"}


def _sentences():
    for n in range(400):
        yield " ".join(WORDS[(n * 7 + k * (n % 5 + 1)) % len(WORDS)] for k in range(8))


def _tokenizer() -> tuple[str, int]:
    from tokenizers import BertWordPieceTokenizer
    from tokenizers.processors import BertProcessing
    tokenizer = BertWordPieceTokenizer()
    tokenizer.train_from_iterator(_sentences(), vocab_size=200, min_frequency=1,
                                  show_progress=False)
    ends = [(it, tokenizer.token_to_id(it)) for it in ("[SEP]", "[CLS]")]
    tokenizer.post_processor = BertProcessing(*ends)
    return tokenizer.to_str(pretty=True), tokenizer.get_vocab_size()


def _shapes(vocabulary: int):
    yield "embeddings.word_embeddings.weight", (vocabulary, HIDDEN)
    yield "embeddings.position_embeddings.weight", (POSITIONS, HIDDEN)
    yield "embeddings.token_type_embeddings.weight", (2, HIDDEN)
    blocks = [("embeddings.LayerNorm", None)]
    for n in range(LAYERS):
        layer = f"encoder.layer.{n}"
        blocks += [(f"{layer}.attention.self.{it}", (HIDDEN, HIDDEN))
                   for it in ("query", "key", "value")]
        blocks += [(f"{layer}.attention.output.dense", (HIDDEN, HIDDEN)),
                   (f"{layer}.attention.output.LayerNorm", None),
                   (f"{layer}.intermediate.dense", (INNER, HIDDEN)),
                   (f"{layer}.output.dense", (HIDDEN, INNER)),
                   (f"{layer}.output.LayerNorm", None)]
    for name, shape in [*blocks, ("pooler.dense", (HIDDEN, HIDDEN))]:
        yield f"{name}.weight", shape or (HIDDEN,)
        yield f"{name}.bias", (shape[0] if shape else HIDDEN,)


@functools.cache
def model_files() -> dict[str, bytes]:
    import numpy
    from safetensors.numpy import save
    tokenizer, vocabulary = _tokenizer()
    config = {"architectures": ["BertModel"], "model_type": "bert", "vocab_size": vocabulary,
              "hidden_size": HIDDEN, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS,
              "intermediate_size": INNER, "max_position_embeddings": POSITIONS,
              "type_vocab_size": 2, "hidden_act": "gelu", "torch_dtype": "float32"}
    settings = SPECIAL | {"tokenizer_class": "BertTokenizer", "do_lower_case": True,
                          "model_max_length": POSITIONS}
    numbers = numpy.random.default_rng(7)
    weights = {name: numbers.normal(0, 0.02, shape).astype(numpy.float32)
               for name, shape in _shapes(vocabulary)}
    documents = {"config.json": config, "tokenizer_config.json": settings,
                 "special_tokens_map.json": SPECIAL}
    return {".gitattributes": b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n",
            "README.md": b"---\nlibrary_name: transformers\n---\n# tiny-bert\n",
            "tokenizer.json": tokenizer.encode(), "model.safetensors": save(weights),
            **{name: json.dumps(it, indent=2).encode() for name, it in documents.items()}}


def _rows():
    return [{"id": n, "text": it, "score": n / 8} for n, it in enumerate(_sentences())]


def _written(table, format: str) -> bytes:
    import pyarrow.csv
    import pyarrow.parquet
    out = io.BytesIO()
    if format == "csv":
        pyarrow.csv.write_csv(table, out)
    elif format == "parquet":
        pyarrow.parquet.write_table(table, out, row_group_size=100)
    else:
        out.write("".join(json.dumps(it) + "\n" for it in table.to_pylist()).encode())
    return out.getvalue()


@functools.cache
def dataset_files(format: str) -> dict[str, bytes]:
    """A table as the configuration `format`; `datasets` takes one file format per repo.

    The same rows are always there as jsonl too, for whoever wants to compare.
    """
    import pyarrow
    table = pyarrow.Table.from_pylist(_rows())
    paths = {it: f"{it}/train.{it}" for it in {format, "jsonl"}}
    card = (f"---\nconfigs:\n- config_name: {format}\n  data_files:\n  - split: train\n"
            f"    path: {paths[format]}\n---\n# tiny table\n")
    return {"README.md": card.encode(),
            **{path: _written(table, it) for it, path in paths.items()}}
