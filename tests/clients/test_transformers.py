"""transformers loads a tokenizer and a config: many small files, several of which do not exist."""
import itertools

from tokenizers import Tokenizer

TEXT = "The hub keeps every file, and serves it again when the network is gone."


def test_auto_tokenizer_and_config(scene):
    repo = scene.hub.add_real_model()
    content = repo.find("main").entries["tokenizer.json"].content
    tokenizer = Tokenizer.from_str(content.bytes().decode())
    expected = {"ids": tokenizer.encode(TEXT).ids, "size": tokenizer.get_vocab_size(),
                "model_type": "bert", "vocab_size": tokenizer.get_vocab_size()}
    assert len(expected["ids"]) > 10

    def load():
        return scene.client("transformers").run("tokenize_text.py", {"repo": repo.id, "text": TEXT})

    assert load() == expected
    scene.hub.reset_counts()
    assert load() == expected
    # The optional files that are not there are not asked for again either.
    assert scene.hub.requests == []
    scene.go_offline()
    assert load() == expected


def test_a_model_is_of_one_commit_however_often_the_branch_moves(scene):
    """It asks for every file by the branch's name, each with a HEAD of its own."""
    repo = scene.hub.add_real_model()
    turns = itertools.count()
    scene.hub.event(lambda: repo.commit({"README.md": f"turn {next(turns)}"}), f"/{repo.id}(/|$)",
                    at=None)
    user = scene.client("transformers")
    user.run("load_model.py", {"repo": repo.id, "text": TEXT})
    commits = {it.name for it in user.cache.glob("hub/models--*/snapshots/*")}
    assert len(commits) == 1 and repo.head not in commits
