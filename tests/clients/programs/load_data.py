"""A user of datasets: loads one configuration of a repo and returns its rows.

Input: {"repo": ID, "config": NAME, "streaming": BOOL}. Output: the rows of the split `train`.
"""
import json
import sys

from datasets import load_dataset

job = json.load(sys.stdin)
table = load_dataset(job["repo"], job["config"], split="train", streaming=job["streaming"])
print(json.dumps({"rows": list(table)}))
