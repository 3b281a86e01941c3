package dev.backstep.source.libvirt;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.backstep.domain.DiskKey;
import dev.backstep.source.LastWill;
import dev.backstep.source.SourceException;
import dev.backstep.source.libvirt.LibvirtLibrary.Function;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * libvirt through its library, in this process. What has to be done when this process is gone is
 * left to virsh.
 */
final class LibvirtControl implements HypervisorControl {

  private static final int INACTIVE_XML = 1 << 1; // VIR_DOMAIN_XML_INACTIVE
  private static final int WITHOUT_DOMAIN = 1 << 1; // VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN
  private static final int REDEFINE = 1; // VIR_DOMAIN_CHECKPOINT_CREATE_REDEFINE
  private static final int METADATA_ONLY = 1 << 1; // VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY
  private static final int PAUSED_IO_ERROR = 5; // VIR_DOMAIN_PAUSED_IOERROR
  private static final int UUID_BYTES = 37; // VIR_UUID_STRING_BUFLEN

  /** {@code virDomainJobOperation}, in virsh's words. */
  private static final List<String> OPERATIONS =
      List.of(
          "Unknown",
          "Start",
          "Save",
          "Restore",
          "Incoming migration",
          "Outgoing migration",
          "Snapshot",
          "Snapshot revert",
          "Dump",
          "Backup",
          "Snapshot delete");

  private final LibvirtLibrary library;
  private final LibvirtConnection connection;
  private final Virsh virsh;

  /**
   * @param virsh the same daemon
   */
  LibvirtControl(LibvirtLibrary library, LibvirtConnection connection, Virsh virsh) {
    this.library = library;
    this.connection = connection;
    this.virsh = virsh;
  }

  private interface OnConnection<T> {
    T of(LibvirtCall call) throws SourceException;
  }

  private interface OnDomain<T> {
    T of(LibvirtCall call, MemorySegment domain) throws SourceException;
  }

  private <T> T ask(String what, OnConnection<T> question) throws SourceException {
    return connection.ask(
        what,
        (connect, over) -> {
          try (Arena arena = Arena.ofConfined()) {
            return question.of(new LibvirtCall(library, connection, what, connect, arena, over));
          }
        });
  }

  private <T> T ask(String what, String uuid, OnDomain<T> question) throws SourceException {
    return ask(
        what,
        call -> {
          MemorySegment domain = call.domain(uuid);
          try {
            return question.of(call, domain);
          } finally {
            library.number(Function.FREE_DOMAIN, domain);
          }
        });
  }

  /** One that says yes or fails. */
  private void tell(String what, String uuid, OnDomain<?> order) throws SourceException {
    Object ignored = ask(what, uuid, order);
  }

  @Override
  public List<String> domains() throws SourceException {
    return ask(
        "list",
        call -> {
          MemorySegment array = call.arena().allocate(ADDRESS);
          int count = call.number(Function.DOMAINS, call.connect(), array, 0);
          MemorySegment uuid = call.arena().allocate(UUID_BYTES);
          return call.each(
              array,
              count,
              Function.FREE_DOMAIN,
              domain -> {
                call.number(Function.DOMAIN_UUID, domain, uuid);
                return uuid.getString(0);
              });
        });
  }

  @Override
  public String definition(String domain, View view) throws SourceException {
    int flags = view == View.LIVE ? 0 : INACTIVE_XML;
    return ask(
        "dumpxml",
        domain,
        (call, found) -> library.taken(call.pointer(Function.DOMAIN_XML, found, flags)));
  }

  @Override
  public void define(String xml) throws SourceException {
    Object ignored =
        ask(
            "define",
            call ->
                library.number(
                    Function.FREE_DOMAIN,
                    call.pointer(Function.DEFINE, call.connect(), call.text(xml))));
  }

  @Override
  public State state(String uuid) throws SourceException {
    return ask(
        "domstate",
        uuid,
        (call, domain) -> {
          MemorySegment state = call.arena().allocate(JAVA_INT);
          MemorySegment reason = call.arena().allocate(JAVA_INT);
          call.number(Function.DOMAIN_STATE, domain, state, reason, 0);
          return switch (state.get(JAVA_INT, 0)) {
            case 1, 2 -> State.RUNNING; // running, blocked
            case 3 ->
                reason.get(JAVA_INT, 0) == PAUSED_IO_ERROR ? State.PAUSED_IO_ERROR : State.PAUSED;
            case 5, 6 -> State.SHUT_OFF; // shut off, crashed
            case 7 -> State.PAUSED; // suspended by the guest
            default -> State.CHANGING;
          };
        });
  }

  @Override
  public Optional<String> backupJob(String uuid) throws SourceException {
    try {
      return Optional.of(
          ask(
              "backup-dumpxml",
              uuid,
              (call, domain) -> library.taken(call.pointer(Function.BACKUP_XML, domain, 0))));
    } catch (ControlException e) {
      return switch (e.why()) {
        case NO_BACKUP_JOB, INACTIVE -> Optional.empty();
        default -> throw e;
      };
    }
  }

  @Override
  public Optional<String> operation(String uuid) throws SourceException {
    try {
      return ask("domjobinfo", uuid, this::operation);
    } catch (ControlException e) {
      if (e.why() == ControlException.Why.INACTIVE) {
        return Optional.empty();
      }
      throw e;
    }
  }

  private Optional<String> operation(LibvirtCall call, MemorySegment domain)
      throws ControlException {
    MemorySegment type = call.arena().allocate(JAVA_INT);
    MemorySegment list = call.arena().allocate(ADDRESS);
    MemorySegment count = call.arena().allocate(JAVA_INT);
    call.number(Function.JOB, domain, type, list, count, 0);
    MemorySegment parameters = list.get(ADDRESS, 0);
    int counted = count.get(JAVA_INT, 0);
    try {
      if (type.get(JAVA_INT, 0) == 0) {
        return Optional.empty();
      }
      MemorySegment value = call.arena().allocate(JAVA_INT);
      call.number(Function.PARAMETER, parameters, counted, call.text("operation"), value);
      int operation = value.get(JAVA_INT, 0);
      boolean known = operation >= 0 && operation < OPERATIONS.size();
      return Optional.of(known ? OPERATIONS.get(operation) : "unknown");
    } finally {
      library.call(Function.FREE_PARAMETERS, parameters, counted);
    }
  }

  @Override
  public void begin(String uuid, String backup, Optional<String> checkpoint)
      throws SourceException {
    tell(
        "backup-begin",
        uuid,
        (call, domain) -> {
          MemorySegment mark = checkpoint.isEmpty() ? NULL : call.text(checkpoint.get());
          return call.number(Function.BACKUP_BEGIN, domain, call.text(backup), mark, 0);
        });
  }

  @Override
  public void abort(String uuid) throws SourceException {
    try {
      tell("domjobabort", uuid, (call, domain) -> call.number(Function.ABORT_JOB, domain));
    } catch (ControlException e) {
      if (e.why() != ControlException.Why.NO_JOB && e.why() != ControlException.Why.INACTIVE) {
        throw e;
      }
    }
  }

  @Override
  public void resume(String uuid) throws SourceException {
    tell("resume", uuid, (call, domain) -> call.number(Function.RESUME, domain));
  }

  @Override
  public List<String> checkpoints(String uuid) throws SourceException {
    return ask(
        "checkpoint-list",
        uuid,
        (call, domain) -> {
          MemorySegment array = call.arena().allocate(ADDRESS);
          int count = call.number(Function.CHECKPOINTS, domain, array, 0);
          return call.each(
              array,
              count,
              Function.FREE_CHECKPOINT,
              checkpoint ->
                  LibvirtLibrary.string(call.pointer(Function.CHECKPOINT_NAME, checkpoint)));
        });
  }

  private <T> T onCheckpoint(String what, String uuid, String name, OnDomain<T> question)
      throws SourceException {
    return ask(
        what,
        uuid,
        (call, domain) -> {
          MemorySegment checkpoint = call.pointer(Function.CHECKPOINT, domain, call.text(name), 0);
          try {
            return question.of(call, checkpoint);
          } finally {
            library.number(Function.FREE_CHECKPOINT, checkpoint);
          }
        });
  }

  @Override
  public String checkpoint(String uuid, String name, boolean withDomain) throws SourceException {
    int flags = withDomain ? 0 : WITHOUT_DOMAIN;
    return onCheckpoint(
        "checkpoint-dumpxml",
        uuid,
        name,
        (call, checkpoint) ->
            library.taken(call.pointer(Function.CHECKPOINT_XML, checkpoint, flags)));
  }

  @Override
  public void redefineCheckpoint(String uuid, String xml) throws SourceException {
    tell(
        "checkpoint-create",
        uuid,
        (call, domain) ->
            library.number(
                Function.FREE_CHECKPOINT,
                call.pointer(Function.CREATE_CHECKPOINT, domain, call.text(xml), REDEFINE)));
  }

  @Override
  public void deleteCheckpoint(String uuid, String name) throws SourceException {
    delete(uuid, name, 0);
  }

  @Override
  public void forgetCheckpoint(String uuid, String name) throws SourceException {
    delete(uuid, name, METADATA_ONLY);
  }

  private void delete(String uuid, String name, int flags) throws SourceException {
    Object ignored =
        onCheckpoint(
            "checkpoint-delete",
            uuid,
            name,
            (call, checkpoint) -> call.number(Function.DELETE_CHECKPOINT, checkpoint, flags));
  }

  @Override
  public Map<DiskKey, Long> capacities(String uuid) throws SourceException {
    return ask(
        "domblkinfo",
        uuid,
        (call, domain) -> {
          String xml = library.taken(call.pointer(Function.DOMAIN_XML, domain, 0));
          MemorySegment info =
              call.arena().allocate(JAVA_LONG, 3); // capacity, allocation, physical
          Map<DiskKey, Long> sizes = new LinkedHashMap<>();
          for (Domain.Disk disk : Domain.parse(xml).disks()) {
            MemorySegment key = call.text(disk.key().value());
            if (library.number(Function.BLOCK_INFO, domain, key, info, 0) >= 0) {
              sizes.put(disk.key(), info.get(JAVA_LONG, 0));
            } else if (!disk.type()
                .equals("network")) { // of a domain that is off, one in a network
              throw call.refusal(); // cannot be looked at
            }
          }
          return sizes;
        });
  }

  @Override
  public void freeze(String uuid) throws SourceException {
    tell("domfsfreeze", uuid, (call, domain) -> call.number(Function.FREEZE, domain, NULL, 0, 0));
  }

  @Override
  public void thaw(String uuid) throws SourceException {
    tell("domfsthaw", uuid, (call, domain) -> call.number(Function.THAW, domain, NULL, 0, 0));
  }

  @Override
  public LastWill thawShouldWeDie(String uuid) throws SourceException {
    return virsh.thawShouldWeDie(uuid);
  }
}
