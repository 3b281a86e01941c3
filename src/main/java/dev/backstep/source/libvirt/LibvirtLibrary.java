package dev.backstep.source.libvirt;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.MethodType;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The functions of {@code libvirt.so.0} that control calls need, as {@code libvirt/libvirt.h} of
 * 7.2 and later declares them. libvirt keeps the error of a call for the thread that made it, so
 * {@link #error} is asked on that thread, and virtual threads make no calls. Thread-safe.
 */
final class LibvirtLibrary {

  private static final Logger log = LoggerFactory.getLogger(LibvirtLibrary.class);

  /** Longer texts are no answers of libvirt, which limits its messages to 32 MiB. */
  private static final long TEXT_BYTES_MAX = 64L << 20;

  /** {@code LC_ALL_MASK} of glibc. */
  private static final int ALL_CATEGORIES = 0x1fbf;

  private static final int EVENTS_PAUSE_MILLIS = 1_000;

  /** A function's name and what it takes; the first layout is what it returns. */
  enum Function {
    INITIALIZE("virInitialize", JAVA_INT),
    SET_ERROR_FUNCTION("virSetErrorFunc", null, ADDRESS, ADDRESS),
    LAST_ERROR_MESSAGE("virGetLastErrorMessage", ADDRESS),
    LAST_ERROR_CODE("virGetLastErrorCode", JAVA_INT),
    REGISTER_EVENTS("virEventRegisterDefaultImpl", JAVA_INT),
    RUN_EVENTS("virEventRunDefaultImpl", JAVA_INT),
    OPEN("virConnectOpen", ADDRESS, ADDRESS),
    CLOSE("virConnectClose", JAVA_INT, ADDRESS),
    KEEP_ALIVE("virConnectSetKeepAlive", JAVA_INT, ADDRESS, JAVA_INT, JAVA_INT),
    IS_ALIVE("virConnectIsAlive", JAVA_INT, ADDRESS),
    DOMAINS("virConnectListAllDomains", JAVA_INT, ADDRESS, ADDRESS, JAVA_INT),
    DEFINE("virDomainDefineXML", ADDRESS, ADDRESS, ADDRESS),
    DOMAIN_BY_UUID("virDomainLookupByUUIDString", ADDRESS, ADDRESS, ADDRESS),
    DOMAIN_BY_NAME("virDomainLookupByName", ADDRESS, ADDRESS, ADDRESS),
    FREE_DOMAIN("virDomainFree", JAVA_INT, ADDRESS),
    DOMAIN_UUID("virDomainGetUUIDString", JAVA_INT, ADDRESS, ADDRESS),
    DOMAIN_XML("virDomainGetXMLDesc", ADDRESS, ADDRESS, JAVA_INT),
    DOMAIN_STATE("virDomainGetState", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT),
    BLOCK_INFO("virDomainGetBlockInfo", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT),
    BACKUP_BEGIN("virDomainBackupBegin", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, JAVA_INT),
    BACKUP_XML("virDomainBackupGetXMLDesc", ADDRESS, ADDRESS, JAVA_INT),
    JOB("virDomainGetJobStats", JAVA_INT, ADDRESS, ADDRESS, ADDRESS, ADDRESS, JAVA_INT),
    PARAMETER("virTypedParamsGetInt", JAVA_INT, ADDRESS, JAVA_INT, ADDRESS, ADDRESS),
    FREE_PARAMETERS("virTypedParamsFree", null, ADDRESS, JAVA_INT),
    ABORT_JOB("virDomainAbortJob", JAVA_INT, ADDRESS),
    RESUME("virDomainResume", JAVA_INT, ADDRESS),
    CHECKPOINTS("virDomainListAllCheckpoints", JAVA_INT, ADDRESS, ADDRESS, JAVA_INT),
    CHECKPOINT("virDomainCheckpointLookupByName", ADDRESS, ADDRESS, ADDRESS, JAVA_INT),
    CREATE_CHECKPOINT("virDomainCheckpointCreateXML", ADDRESS, ADDRESS, ADDRESS, JAVA_INT),
    CHECKPOINT_NAME("virDomainCheckpointGetName", ADDRESS, ADDRESS),
    CHECKPOINT_XML("virDomainCheckpointGetXMLDesc", ADDRESS, ADDRESS, JAVA_INT),
    DELETE_CHECKPOINT("virDomainCheckpointDelete", JAVA_INT, ADDRESS, JAVA_INT),
    FREE_CHECKPOINT("virDomainCheckpointFree", JAVA_INT, ADDRESS),
    FREEZE("virDomainFSFreeze", JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT),
    THAW("virDomainFSThaw", JAVA_INT, ADDRESS, ADDRESS, JAVA_INT, JAVA_INT),
    FREE("free", null, ADDRESS),
    NEW_LOCALE("newlocale", ADDRESS, JAVA_INT, ADDRESS, ADDRESS),
    USE_LOCALE("uselocale", ADDRESS, ADDRESS);

    private final String symbol;
    private final FunctionDescriptor descriptor;

    Function(String symbol, @Nullable MemoryLayout result, MemoryLayout... of) {
      this.symbol = symbol;
      this.descriptor =
          result == null ? FunctionDescriptor.ofVoid(of) : FunctionDescriptor.of(result, of);
    }
  }

  /** Loaded when it is first asked for; none where libvirt is not installed. */
  private static final class Loaded {
    static final Optional<LibvirtLibrary> LIBRARY =
        load(() -> SymbolLookup.libraryLookup("libvirt.so.0", Arena.global()));
  }

  private final SymbolLookup symbols;
  private final Map<Function, MethodHandle> linked = new EnumMap<>(Function.class);
  private final ReentrantLock linking = new ReentrantLock();

  private LibvirtLibrary(SymbolLookup symbols) {
    this.symbols = symbols;
  }

  /** The library; empty where it is not there or too old. */
  static Optional<LibvirtLibrary> find() {
    return Loaded.LIBRARY;
  }

  /**
   * @param libvirt finds the library's functions; whatever it throws means that there are none
   */
  static Optional<LibvirtLibrary> load(Supplier<SymbolLookup> libvirt) {
    try {
      LibvirtLibrary library =
          new LibvirtLibrary(libvirt.get().or(Linker.nativeLinker().defaultLookup()));
      for (Function function : Function.values()) {
        library.symbols.findOrThrow(function.symbol);
      }
      library.initialize();
      return Optional.of(library);
    } catch (RuntimeException | LibvirtFault e) {
      log.info("libvirt is asked through virsh: {}", e.toString());
      return Optional.empty();
    }
  }

  /** The library cannot be used. */
  private static final class LibvirtFault extends Exception {
    private static final long serialVersionUID = 1L;

    LibvirtFault(String message) {
      super(message);
    }
  }

  /** Connections that are opened behind this tell when their daemon is gone. */
  private void initialize() throws LibvirtFault {
    if (number(Function.INITIALIZE) < 0 || number(Function.REGISTER_EVENTS) < 0) {
      throw new LibvirtFault(error());
    }
    call(Function.SET_ERROR_FUNCTION, MemorySegment.NULL, silence());
    Thread.ofPlatform().daemon().name("libvirt-events").start(this::runEvents);
  }

  /** Without a function of ours libvirt prints each error. */
  private static MemorySegment silence() {
    try {
      MethodType type = MethodType.methodType(void.class, MemorySegment.class, MemorySegment.class);
      return Linker.nativeLinker()
          .upcallStub(
              MethodHandles.lookup().findStatic(LibvirtLibrary.class, "ignore", type),
              FunctionDescriptor.ofVoid(ADDRESS, ADDRESS),
              Arena.global());
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException(e);
    }
  }

  @SuppressWarnings("unused") // called by libvirt
  private static void ignore(MemorySegment data, MemorySegment error) {
    // Whoever made the call asks for it.
  }

  private void runEvents() {
    while (true) {
      if (number(Function.RUN_EVENTS) < 0) {
        log.debug("libvirt's events: {}", error());
        LockSupport.parkNanos(EVENTS_PAUSE_MILLIS * 1_000_000L);
      }
    }
  }

  /** libvirt's messages are in English on the calling thread from here on. */
  void speakEnglish() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment english =
          pointer(Function.NEW_LOCALE, ALL_CATEGORIES, arena.allocateFrom("C"), MemorySegment.NULL);
      if (english.address() != 0) {
        pointer(Function.USE_LOCALE, english);
      }
    }
  }

  /** The message of the calling thread's last call, which failed. */
  String error() {
    return string(pointer(Function.LAST_ERROR_MESSAGE));
  }

  /** {@code virErrorNumber} of the calling thread's last call, which failed. */
  int errorCode() {
    return number(Function.LAST_ERROR_CODE);
  }

  /** Calls a function that returns a number; below zero it failed. */
  int number(Function function, Object... arguments) {
    return (int) call(function, arguments);
  }

  /** Calls a function that returns a pointer; NULL when it failed. */
  MemorySegment pointer(Function function, Object... arguments) {
    return (MemorySegment) call(function, arguments);
  }

  /** Calls one that cannot fail, or whose failure is of no interest. */
  Object call(Function function, Object... arguments) {
    try {
      return (Object) handle(function).invokeExact(arguments);
    } catch (Throwable e) {
      throw new IllegalStateException(function.symbol, e);
    }
  }

  private MethodHandle handle(Function function) {
    linking.lock();
    try {
      return linked.computeIfAbsent(function, this::link);
    } finally {
      linking.unlock();
    }
  }

  private MethodHandle link(Function function) {
    MethodHandle handle =
        Linker.nativeLinker()
            .downcallHandle(symbols.findOrThrow(function.symbol), function.descriptor);
    return handle
        .asSpreader(Object[].class, function.descriptor.argumentLayouts().size())
        .asType(MethodType.methodType(Object.class, Object[].class));
  }

  /** A text that is libvirt's own. */
  static String string(MemorySegment text) {
    return text.reinterpret(TEXT_BYTES_MAX).getString(0);
  }

  /** A text that the caller owns; it is freed. */
  String taken(MemorySegment text) {
    try {
      return string(text);
    } finally {
      call(Function.FREE, text);
    }
  }
}
