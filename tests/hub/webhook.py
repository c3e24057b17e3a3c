"""What the Hub posts to a webhook (hub-docs, docs/hub/webhooks.md, version 3 of the payload).

The secret is not in it: it travels as the header X-Webhook-Secret, letter by letter.
"""
from .repos import Repo

WEBHOOK_ID = "6390e855e30d9209411de93b"
OWNER_ID = "628b753283ef59b5be89e937"


def content_changed(hub_url: str, repo: Repo, before: dict[str, str]) -> dict:
    """After pushes, new and deleted branches: `before` is what `repo.refs` was until then."""
    names = sorted(before.keys() | repo.refs.keys())
    changed = [{"ref": it, "oldSha": before.get(it), "newSha": repo.refs.get(it)}
               for it in names if before.get(it) != repo.refs.get(it)]
    return payload(hub_url, repo, "update", "repo.content") | {"updatedRefs": changed}


def config_changed(hub_url: str, repo: Repo, **config) -> dict:
    return payload(hub_url, repo, "update", "repo.config") | {"updatedConfig": config}


def moved(hub_url: str, repo: Repo, old_id: str) -> dict:
    """The event is told of the old name."""
    told = payload(hub_url, repo, "move", "repo")
    told["repo"]["name"] = old_id
    return told | {"movedTo": {"name": repo.id, "owner": {"id": OWNER_ID}}}


def payload(hub_url: str, repo: Repo, action: str, scope: str) -> dict:
    about = {"type": repo.kind, "name": repo.id, "id": repo.internal_id, "private": repo.private,
             "headSha": repo.refs.get("refs/heads/main"),
             "url": {"web": f"{hub_url}/{repo.prefix}{repo.id}",
                     "api": f"{hub_url}/api/{repo.plural}/{repo.id}"},
             "owner": {"id": OWNER_ID}}
    return {"event": {"action": action, "scope": scope}, "repo": about,
            "webhook": {"id": WEBHOOK_ID, "version": 3}}
