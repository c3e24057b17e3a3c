"""Searches, commits and discussions as huggingface_hub reads them: page after page, through here."""
import pytest

from clients.support import VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
def test_lists_follow_their_pages_and_outlive_the_hub(scene, version):
    hub = scene.hub
    hub.search_page_size = 3
    repos = [hub.add_repo("model", f"org/list-{number}", {"a": b"a"}) for number in range(8)]
    commits = [repos[0].commit({"a": b"%d" % number}) for number in range(60)]
    job = {"call": "lists", "search": "list-", "repo_id": repos[0].id}

    def expect_lists():
        (found,) = scene.client(version).do(job)
        assert found.get("models") == [it.id for it in repos], found
        assert found["commits"][:60] == commits[::-1] and len(found["commits"]) == 61
        assert found["discussions"] == [f'see "{hub.url}/x"']

    expect_lists()
    assert hub.count("hub", path="^/api/models$") == 3
    hub.reset_counts()
    expect_lists()
    assert hub.requests == []
    scene.go_offline()
    expect_lists()
