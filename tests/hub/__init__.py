"""A stand-in for the Hugging Face Hub and its CDN: faults on demand, a ledger of requests."""
from .certs import Authority
from .content import Bytes, Content, Generated, OnDisk, Vast
from .ledger import Record
from .repos import Repo
from .standin import StandInHub

__all__ = ["Authority", "Bytes", "Content", "Generated", "OnDisk", "Record", "Repo", "StandInHub",
           "Vast"]
