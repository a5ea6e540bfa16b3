"""The models of this machine: which there are, which is served, and where to get more."""

from whetstone.models.entry import STARTER, ModelEntry
from whetstone.models.gguf_info import GgufInfo, read_gguf
from whetstone.models.registry import Registry

__all__ = ["STARTER", "GgufInfo", "ModelEntry", "Registry", "read_gguf"]
