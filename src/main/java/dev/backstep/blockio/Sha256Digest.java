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
 */
final class Sha256Digest implements Digest {

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
    MappedBytes.each(bytes, this::take);
  }

  private void take(ByteBuffer piece) {
    if (system.isPresent()) {
      system.get().update(MemorySegment.ofBuffer(piece));
      piece.position(piece.limit()); // as the JDK's does
    } else {
      own.update(piece);
    }
  }

  @Override
  public Sum sum() {
    return new Sum(ChecksumKind.SHA_256, system.isPresent() ? system.get().digest() : own.digest());
  }
}
