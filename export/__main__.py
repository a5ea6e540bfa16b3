"""`python -m export HF_DIR OUT.gguf --quantization q8_0`"""

from __future__ import annotations

from export.cli import main

if __name__ == "__main__":
    main()
