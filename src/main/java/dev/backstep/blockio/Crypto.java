package dev.backstep.blockio;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** SHA-256 of OpenSSL's libcrypto (SHA256_Init(3ssl)), where the system has one. Thread-safe. */
final class Crypto {

  /** Newest first. */
  private static final String[] NAMES = {"libcrypto.so.3", "libcrypto.so.1.1"};

  /** A {@code SHA256_CTX} has 112 bytes. */
  private static final int STATE_BYTES = 128;

  private static final int SUM_BYTES = 32;

  private static final ValueLayout INT = ValueLayout.JAVA_INT;
  private static final ValueLayout LONG = ValueLayout.JAVA_LONG;
  private static final ValueLayout POINTER = ValueLayout.ADDRESS;

  private static final @Nullable Crypto SYSTEM = find();

  private final MethodHandle init;
  private final MethodHandle update;
  private final MethodHandle end;

  private Crypto(SymbolLookup library) {
    this.init = call(library, "SHA256_Init", FunctionDescriptor.of(INT, POINTER));
    this.update =
        call(library, "SHA256_Update", FunctionDescriptor.of(INT, POINTER, POINTER, LONG));
    this.end = call(library, "SHA256_Final", FunctionDescriptor.of(INT, POINTER, POINTER));
  }

  private static @Nullable Crypto find() {
    for (String name : NAMES) {
      try {
        Crypto crypto = new Crypto(SymbolLookup.libraryLookup(name, Arena.global()));
        if (crypto.isRight()) {
          return crypto;
        }
      } catch (RuntimeException e) {
        // no such library here, or one without these functions, or it is not to be called
      }
    }
    return null;
  }

  private boolean isRight() {
    byte[] text = "abc".getBytes(StandardCharsets.US_ASCII);
    try (Arena arena = Arena.ofConfined()) {
      Sha256 sum = new Sha256(this);
      sum.update(arena.allocateFrom(ValueLayout.JAVA_BYTE, text));
      return Arrays.equals(sum.digest(), dev.backstep.domain.Sha256.digest().digest(text));
    }
  }

  private static MethodHandle call(
      SymbolLookup library, String name, FunctionDescriptor descriptor) {
    MemorySegment address =
        library.find(name).orElseThrow(() -> new IllegalArgumentException("no " + name));
    return Linker.nativeLinker().downcallHandle(address, descriptor);
  }

  /**
   * What a call that failed has left is no digest.
   *
   * @throws IllegalStateException unless it returned 1, as all three do (SHA256_Init(3ssl))
   */
  static void require(int result, String function) {
    if (result != 1) {
      throw new IllegalStateException(
          function
              + " of the system's libcrypto returned "
              + result
              + ", expected 1; its configuration may forbid SHA-256");
    }
  }

  private static IllegalStateException thrown(Throwable e) {
    return e instanceof IllegalStateException own ? own : new IllegalStateException(e);
  }

  /** Begins one; empty where the system has none. */
  static Optional<Sha256> sha256() {
    return Optional.ofNullable(SYSTEM).map(Sha256::new);
  }

  /** The digest of bytes that come piece by piece. For one thread. */
  static final class Sha256 {

    private final Crypto crypto;
    private final MemorySegment state = Arena.ofAuto().allocate(STATE_BYTES, Long.BYTES);

    private Sha256(Crypto crypto) {
      this.crypto = crypto;
      try {
        require((int) crypto.init.invokeExact(state), "SHA256_Init");
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    /**
     * @param bytes outside the heap
     */
    void update(MemorySegment bytes) {
      try {
        require((int) crypto.update.invokeExact(state, bytes, bytes.byteSize()), "SHA256_Update");
      } catch (Throwable e) {
        throw thrown(e);
      }
    }

    byte[] digest() {
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment sum = arena.allocate(SUM_BYTES);
        require((int) crypto.end.invokeExact(sum, state), "SHA256_Final");
        return sum.toArray(ValueLayout.JAVA_BYTE);
      } catch (Throwable e) {
        throw thrown(e);
      }
    }
  }
}
