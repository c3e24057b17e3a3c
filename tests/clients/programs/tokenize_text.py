"""A user of transformers: loads a tokenizer and a config by name and says what they make of a text.

Input: {"repo": ID, "text": TEXT}. torch is not installed: the weights are not part of this.
"""
import json
import sys

from transformers import AutoConfig, AutoTokenizer

job = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(job["repo"])
config = AutoConfig.from_pretrained(job["repo"])
print(json.dumps({"ids": tokenizer(job["text"])["input_ids"], "size": len(tokenizer),
                  "model_type": config.model_type, "vocab_size": config.vocab_size}))
