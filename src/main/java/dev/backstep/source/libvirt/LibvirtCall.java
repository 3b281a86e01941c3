package dev.backstep.source.libvirt;

import static java.lang.foreign.ValueLayout.ADDRESS;

import dev.backstep.source.libvirt.LibvirtLibrary.Function;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * One question to a daemon, on the thread that asks it. When nobody waits for it any more, what it
 * has not called yet is not called: a daemon that stood still would begin a job when it goes on,
 * with nobody behind it. Only a guest is thawed even then.
 *
 * @param what it is, in virsh's words
 * @param connect a {@code virConnectPtr}
 * @param arena memory for as long as it takes
 * @param over whether nobody waits for it any more
 */
record LibvirtCall(
    LibvirtLibrary library,
    LibvirtConnection connection,
    String what,
    MemorySegment connect,
    Arena arena,
    BooleanSupplier over) {

  private static final int NO_DOMAIN = 42; // VIR_ERR_NO_DOMAIN

  /** What an element of an array is called. */
  interface Named {
    String of(MemorySegment element) throws ControlException;
  }

  MemorySegment text(String text) {
    return arena.allocateFrom(text);
  }

  int number(Function function, Object... arguments) throws ControlException {
    requireAsked(function);
    int result = library.number(function, arguments);
    if (result < 0) {
      throw refusal();
    }
    return result;
  }

  MemorySegment pointer(Function function, Object... arguments) throws ControlException {
    requireAsked(function);
    MemorySegment result = library.pointer(function, arguments);
    if (result.address() == 0) {
      throw refusal();
    }
    return result;
  }

  private void requireAsked(Function function) throws ControlException {
    if (over.getAsBoolean() && function != Function.THAW) {
      throw new ControlException(
          ControlException.Why.OTHER, what + ": given up before it was made");
    }
  }

  ControlException refusal() {
    String said = library.error().replace('\n', ' ');
    ControlException.Why why =
        connection.isAlive(connect)
            ? ControlException.Why.of(said)
            : ControlException.Why.NO_DAEMON;
    return new ControlException(why, what + " at " + connection.uri() + ": " + said);
  }

  /** A domain by its UUID, or by its name; the caller frees it. */
  MemorySegment domain(String named) throws ControlException {
    MemorySegment text = text(named);
    if (named.matches("[0-9A-Fa-f]{8}-?([0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")) {
      MemorySegment domain = library.pointer(Function.DOMAIN_BY_UUID, connect, text);
      if (domain.address() != 0) {
        return domain;
      }
      if (library.errorCode() != NO_DOMAIN) {
        throw refusal();
      }
    }
    return pointer(Function.DOMAIN_BY_NAME, connect, text);
  }

  /** The elements of an array that is libvirt's to give and ours to free; they are freed, too. */
  List<String> each(MemorySegment array, int count, Function free, Named named)
      throws ControlException {
    List<String> names = new ArrayList<>();
    MemorySegment elements = array.get(ADDRESS, 0);
    MemorySegment sized = elements.reinterpret(ADDRESS.byteSize() * count);
    try {
      for (int i = 0; i < count; i++) {
        names.add(named.of(sized.getAtIndex(ADDRESS, i)));
      }
    } finally {
      for (int i = 0; i < count; i++) {
        library.number(free, sized.getAtIndex(ADDRESS, i));
      }
      library.call(Function.FREE, elements);
    }
    return names;
  }
}
