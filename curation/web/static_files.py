"""How static files are stored for production: named by their content, and compressed once."""

from typing import Any

import brotli
from whitenoise.compress import Compressor
from whitenoise.storage import CompressedManifestStaticFilesStorage

# The highest quality, 11, makes files 4% smaller and takes ten times as long: most of a first start.
BROTLI_QUALITY = 9


class QuickCompressor(Compressor):
    """whitenoise's compressor with a quicker brotli."""

    @staticmethod
    def compress_brotli(data: bytes) -> bytes:
        """One file's content, compressed."""
        return brotli.compress(data, quality=BROTLI_QUALITY)


class CompressedStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """whitenoise's storage with that compressor."""

    def create_compressor(self, **options: Any) -> Compressor:
        """Asked for by whitenoise."""
        return QuickCompressor(**options)
