"""Who may look at whom in a packed row, as FlexAttention's block mask or as a dense boolean one."""

from __future__ import annotations

import importlib.util
from typing import Any, Literal

import torch
from torch import Tensor

from trainer.dpo.rows import TRUNK

Attention = Literal["flex_attention", "sdpa"]

BLOCK = 128  # tokens: FlexAttention skips whole blocks of this size


def choose_attention() -> Attention:
    """FlexAttention where it runs as a compiled kernel, else torch's scaled dot product.

    Without a GPU or Triton it would be slower than the dense mask, or hold all scores in memory.
    """
    if torch.cuda.is_available() and importlib.util.find_spec("triton") is not None:
        return "flex_attention"
    return "sdpa"


def row_mask(example: Tensor, branch: Tensor, attention: Attention) -> Any:
    """The mask of rows from `PrefixCollator`.

    A token sees what stands before it in its own example, if that is the trunk or its own branch.
    Padding sees padding, so that no row of the softmax is empty.

    Args:
        example, branch: (rows, width).

    Returns:
        (rows, 1, width, width) booleans, True where the first may look at the second; or a
        BlockMask of that shape.
    """

    def visible(row: Any, head: Any, looker: Any, seen: Any) -> Any:
        same = example[row, looker] == example[row, seen]
        trunk_or_own = (branch[row, seen] == TRUNK) | (branch[row, looker] == branch[row, seen])
        return (seen <= looker) & same & trunk_or_own

    rows, width = example.shape
    if attention == "flex_attention":
        from torch.nn.attention.flex_attention import create_block_mask

        return create_block_mask(
            visible, rows, None, width, width, device=example.device, BLOCK_SIZE=BLOCK
        )
    at = torch.arange(width, device=example.device)
    row = torch.arange(rows, device=example.device)
    return visible(row[:, None, None], None, at[None, :, None], at[None, None, :])[:, None]
