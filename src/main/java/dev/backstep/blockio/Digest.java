package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
import java.nio.ByteBuffer;
import java.util.zip.CRC32C;

/** Takes the checksum of bytes that come piece by piece. For one thread. */
public sealed interface Digest permits Digest.Crc32c, Sha256Digest {

  static Digest of(ChecksumKind kind) {
    return switch (kind) {
      case CRC32C -> new Crc32c(new CRC32C());
      case SHA_256 -> new Sha256Digest();
    };
  }

  /** Of all that a buffer holds from position to limit, which stay as they are. */
  static Sum of(ChecksumKind kind, ByteBuffer bytes) {
    Digest digest = of(kind);
    digest.update(bytes.duplicate());
    return digest.sum();
  }

  /** Takes the bytes from position to limit, which are equal then. */
  void update(ByteBuffer bytes);

  /** The checksum of all bytes; nothing may be called behind it. */
  Sum sum();

  /** By the processor's instruction. */
  record Crc32c(CRC32C crc) implements Digest {

    @Override
    public void update(ByteBuffer bytes) {
      MappedBytes.each(bytes, crc::update);
    }

    @Override
    public Sum sum() {
      return Sum.ofCrc((int) crc.getValue());
    }
  }
}
