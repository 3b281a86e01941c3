package dev.backstep.blockio;

import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Sha256;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.security.MessageDigest;
import java.util.Optional;

/**
 * SHA-256 by the system's libcrypto, which has the processor's instructions from its first byte on;
 * without that by the JDK, which has them once its optimising compiler has come to it.
 *
 * <p>Bytes are copied on the way, a little at a time: a mapped file may be cut behind us, which a
 * copy survives with an exception and foreign code does not.
 */
final class Sha256Digest implements Digest {

  private static final int PIECE_BYTES = 1 << 16;

  private static final ThreadLocal<ByteBuffer> PIECE =
      ThreadLocal.withInitial(() -> ByteBuffer.allocateDirect(PIECE_BYTES));

  private final Optional<Crypto.Sha256> system;
  private final MessageDigest own = Sha256.digest();

  Sha256Digest() {
    this(Crypto.sha256());
  }

  Sha256Digest(Optional<Crypto.Sha256> system) {
    this.system = system;
  }

  @Override
  public void update(ByteBuffer bytes) {
    ByteBuffer piece = PIECE.get();
    int end = bytes.limit();
    while (bytes.position() < end) {
      bytes.limit(Math.min(end, bytes.position() + PIECE_BYTES));
      piece.clear().put(bytes).flip();
      bytes.limit(end);
      if (system.isPresent()) {
        system.get().update(MemorySegment.ofBuffer(piece));
      } else {
        own.update(piece);
      }
    }
  }

  @Override
  public Sum sum() {
    return new Sum(ChecksumKind.SHA_256, system.isPresent() ? system.get().digest() : own.digest());
  }
}
