"""A made certificate authority and the server certificates it issues, as files in a folder.

For tests only: keys are written unencrypted, certificates last a day.
"""
import datetime
import ipaddress
import os
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

DAY = datetime.timedelta(days=1)


class Authority:
    def __init__(self, folder: str):
        self.folder = str(folder)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Made test authority")])
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        self._certificate = (
            self._builder(self._name, self._key.public_key(), DAY)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True).sign(self._key, hashes.SHA256()))
        self.ca_file = self._write("ca.pem", _pem(self._certificate))

    def issue(self, *names: str, label="server", lasts=DAY, client=False) -> tuple[str, str]:
        """(certificate file, key file) for host names and addresses, or for a client."""
        names = names or ("localhost", "127.0.0.1")
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, names[0])])
        alternatives = x509.SubjectAlternativeName([_alternative(it) for it in names])
        purpose = ExtendedKeyUsageOID.CLIENT_AUTH if client else ExtendedKeyUsageOID.SERVER_AUTH
        usage = x509.ExtendedKeyUsage([purpose])
        certificate = (self._builder(subject, key.public_key(), lasts)
                       .add_extension(alternatives, critical=False)
                       .add_extension(usage, critical=False).sign(self._key, hashes.SHA256()))
        secret = key.private_bytes(serialization.Encoding.PEM,
                                   serialization.PrivateFormat.PKCS8,
                                   serialization.NoEncryption())
        return (self._write(f"{label}.pem", _pem(certificate)),
                self._write(f"{label}.key", secret))

    def server_context(self, *names: str, label="server", lasts=DAY) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self.issue(*names, label=label, lasts=lasts))
        return context

    def _builder(self, subject, public_key, lasts):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (x509.CertificateBuilder().subject_name(subject).issuer_name(self._name)
                .public_key(public_key).serial_number(x509.random_serial_number())
                .not_valid_before(now - 2 * DAY).not_valid_after(now + lasts))

    def _write(self, name: str, data: bytes) -> str:
        path = os.path.join(self.folder, name)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(data)
        return path


def _pem(certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _alternative(name: str):
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
