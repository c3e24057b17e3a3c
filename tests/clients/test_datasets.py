"""datasets.load_dataset, whole and streaming: listings, globs and ranges inside files."""
import json

import pytest


def load(client, repo, config, streaming):
    job = {"repo": repo.id, "config": config, "streaming": streaming}
    return client.run("load_data.py", job)["rows"]


@pytest.mark.parametrize("config", ("parquet", "csv"))
@pytest.mark.parametrize("streaming", (False, True), ids=("whole", "streaming"))
def test_load_dataset(scene, config, streaming):
    repo = scene.hub.add_real_dataset(config)
    lines = repo.find("main").entries["jsonl/train.jsonl"].content.bytes().splitlines()
    rows = [json.loads(it) for it in lines]
    assert load(scene.client("datasets"), repo, config, streaming) == rows
    scene.hub.reset_counts()
    assert load(scene.client("datasets"), repo, config, streaming) == rows
    assert scene.hub.requests == []
    scene.go_offline()
    assert load(scene.client("datasets"), repo, config, streaming) == rows
