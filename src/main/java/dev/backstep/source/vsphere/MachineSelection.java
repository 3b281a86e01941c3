package dev.backstep.source.vsphere;

import dev.backstep.source.SourceException;
import dev.backstep.source.vsphere.VsphereGateway.Entry;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * Finds the one VM that a definition names. Names are not unique at a vCenter; nothing is guessed.
 */
final class MachineSelection {

  /** More of them are counted, not listed. */
  private static final int LISTED_MAX = 10;

  private final VsphereSettings settings;
  private final VsphereGateway gateway;

  MachineSelection(VsphereSettings settings, VsphereGateway gateway) {
    this.settings = settings;
    this.gateway = gateway;
  }

  /**
   * @throws SourceException {@code NOT_FOUND} when there is none, {@code FAILED} when there are
   *     several
   */
  Machine find() throws IOException {
    String wanted = settings.selected();
    return switch (settings.select()) {
      case "moref" -> machine(Optional.of(Moref.machine(wanted)));
      case "instance-uuid" -> machine(gateway.byUuid(wanted, true));
      case "path" -> machine(gateway.byPath(wanted));
      case "attribute" -> {
        String[] parts = wanted.split("=", 2);
        yield only(entry -> parts.length == 2 && parts[1].equals(entry.attributes().get(parts[0])));
      }
      case "tag" -> {
        String[] parts = wanted.split("=", 2);
        Set<Moref> tagged = gateway.tagged(parts[0], parts.length == 2 ? parts[1] : "");
        yield only(entry -> tagged.contains(entry.ref()));
      }
      default -> only(entry -> entry.name().equals(wanted));
    };
  }

  private Machine machine(Optional<Moref> ref) throws IOException {
    if (ref.isEmpty()) {
      throw notFound();
    }
    try {
      return gateway.machine(ref.get());
    } catch (VsphereFault e) {
      throw e.is("ManagedObjectNotFound") ? notFound() : e;
    }
  }

  private Machine only(Predicate<Entry> wanted) throws IOException {
    List<Entry> found = gateway.machines().stream().filter(wanted).toList();
    if (found.size() > 1) {
      throw new SourceException(
          SourceException.Kind.FAILED,
          what()
              + " is "
              + found.size()
              + " VMs: "
              + found.stream()
                  .limit(LISTED_MAX)
                  .map(entry -> entry.path() + " (" + entry.ref() + ")")
                  .collect(Collectors.joining(", "))
              + "; say `path` or `moref` in the definition");
    }
    return machine(found.stream().findFirst().map(Entry::ref));
  }

  private SourceException notFound() {
    return new SourceException(
        SourceException.Kind.NOT_FOUND,
        what() + ": there is no such VM, or " + settings.user() + " may not see it");
  }

  private String what() {
    return settings.address() + ": " + settings.select() + " " + settings.selected();
  }
}
