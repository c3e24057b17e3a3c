"""The whole way over TLS: clients to the daemon, and the daemon to the Hub and its CDN."""
import pytest

from clients.scene import Scene
from clients.support import VERSIONS, expect_snapshot
from hub import Generated

FILES = {"config.json": b"{}", "empty": b"", "model.bin": Generated(3 << 20, "tls")}


@pytest.mark.parametrize("version", VERSIONS)
def test_snapshot(hub_tls, hubkeep, outside, tmp_path, version):
    scene = Scene(hub_tls, hubkeep, outside, tmp_path / "users")
    certificate, key = hub_tls.authority.issue("127.0.0.1", label="daemon")
    scene.start(tls_cert=certificate, tls_key=key)
    repo = hub_tls.add_repo("model", "org/secure", FILES)
    authority = hub_tls.ca_file
    job = {"call": "snapshot", "repo_id": repo.id}
    for stage in ("cold", "offline"):
        if stage == "offline":
            scene.go_offline()
        client = scene.client(version, SSL_CERT_FILE=authority, REQUESTS_CA_BUNDLE=authority)
        expect_snapshot(client.do(job)[0], repo)
    assert scene.daemon.url.startswith("https://")
