"""The dataset viewer's origin: what `datasets` and scripts ask of datasets-server.

Public datasets only, like the real one for a caller without a token; it is another host than the
Hub, so a credential that reaches it stays in the ledger as a leak.
"""
from .repos import Repo
from .wire import Reply, Request, document

PARQUET = "refs/convert/parquet"


def parquet_files(hub, repo: Repo) -> list[tuple[str, str, str]]:
    """(configuration, split, name) of each converted file."""
    commit = repo.find(PARQUET)
    paths = sorted(commit.entries) if commit else []
    return [tuple(path.split("/")) for path in paths if path.endswith(".parquet")]


def answer(hub, request: Request) -> Reply:
    repo = hub.repo("dataset", request.param("dataset"))
    if repo is None or repo.private:
        return document({"error": "The dataset does not exist, or is not accessible."}, 404,
                        X_Error_Code="DatasetNotFound")
    if request.path == "/parquet":
        files = [{"dataset": repo.id, "config": config, "split": split, "filename": name,
                  "url": f"{hub.url}/datasets/{repo.id}/resolve/refs%2Fconvert%2Fparquet/"
                         f"{config}/{split}/{name}"}
                 for config, split, name in parquet_files(hub, repo)]
        reply = document({"parquet_files": files, "pending": [], "failed": [], "partial": False})
    elif request.path == "/info":
        reply = document({"dataset_info": {"default": {"description": f"see {hub.url}/x"}}})
    else:
        reply = document({"error": "Not Found"}, 404)
    return reply.set("X-Revision", repo.head)
