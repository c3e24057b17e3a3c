"""A user of transformers: loads what belongs to a model, as `AutoModel.from_pretrained` does.

Input: {"repo": ID, "text": TEXT}. torch is not installed, so the weights are found as it finds
them, by name and in its order, and not put into a model. Output: what the tokenizer and the
configuration make of a text, and the size of the weights.
"""
import json
import os
import sys

from transformers import AutoConfig, AutoTokenizer
from transformers.utils import cached_file

job = json.load(sys.stdin)
optional = {"_raise_exceptions_for_missing_entries": False}
config = AutoConfig.from_pretrained(job["repo"])
cached_file(job["repo"], "adapter_config.json", **optional)
weights = cached_file(job["repo"], "model.safetensors")
cached_file(job["repo"], "generation_config.json", **optional)
tokenizer = AutoTokenizer.from_pretrained(job["repo"])
print(json.dumps({"ids": tokenizer(job["text"])["input_ids"], "size": len(tokenizer),
                  "model_type": config.model_type, "weights": os.path.getsize(weights)}))
