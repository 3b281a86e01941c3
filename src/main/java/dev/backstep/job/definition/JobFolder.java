package dev.backstep.job.definition;

import dev.backstep.domain.JobDefinition;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A folder of job definitions: its files {@code *.yaml} and {@code *.yml}, not those of folders
 * within. Reads anew on each call.
 *
 * @param folder need not exist; then it holds no definitions
 */
public record JobFolder(Path folder) {

  /** A definition and where it stands; a file may hold several. */
  public record Entry(Path file, JobDefinition definition) {}

  /**
   * What the folder holds: the usable definitions by VM name, and the rest with its problems.
   *
   * @param twice the VMs of those among the rest that are read, but refused for one another
   */
  public record Content(
      Map<String, Entry> byVmName, Set<String> twice, List<JobDefinitionException> broken) {

    /** The usable ones. */
    public List<JobDefinition> definitions() {
      return byVmName.values().stream().map(Entry::definition).toList();
    }

    /**
     * Whether a definition that was read earlier, and is not among the usable ones, may still be
     * meant: what cannot be used now may hold it, be it its file, or one that nothing was read from
     * before, as its own has become that was renamed.
     *
     * @param file that it was read from
     * @param files that anything was read from before
     */
    public boolean mayHold(String vmName, Path file, Set<Path> files) {
      if (twice.contains(vmName)) {
        return true;
      }
      if (byVmName.containsKey(vmName)) {
        return false;
      }
      boolean isUsable = byVmName.values().stream().anyMatch(entry -> entry.file().equals(file));
      return (Files.exists(file) && !isUsable)
          || broken.stream().map(one -> Path.of(one.file())).anyMatch(one -> !files.contains(one));
    }
  }

  /**
   * Reads every file. Two definitions of one VM make both of them broken, and so do two that back
   * one domain, or the QEMU of one socket, up into one repository: each would take the other's
   * marks for its own old ones.
   *
   * @throws UncheckedIOException when the folder cannot be listed
   */
  public Content read() {
    Map<String, List<Entry>> byName = new TreeMap<>();
    List<JobDefinitionException> broken = new ArrayList<>();
    for (Path file : files()) {
      try {
        for (JobDefinition definition : JobDefinitions.readAll(file)) {
          byName
              .computeIfAbsent(definition.vmName(), name -> new ArrayList<>())
              .add(new Entry(file, definition));
        }
      } catch (JobDefinitionException e) {
        broken.add(e);
      }
    }
    Map<String, Entry> usable = new LinkedHashMap<>();
    Set<String> twice = new HashSet<>();
    byName.forEach((name, entries) -> {
      if (entries.size() == 1) {
        usable.put(name, entries.getFirst());
      } else {
        twice.add(name);
        broken.addFirst(twice(name, entries));
      }
    });
    for (List<Entry> sharing : sharing(usable.values())) {
      sharing.forEach(entry -> twice.add(entry.definition().vmName()));
      broken.addFirst(shared(sharing.getFirst(), sharing.get(1)));
    }
    usable.keySet().removeAll(twice);
    return new Content(usable, twice, broken);
  }

  private static List<List<Entry>> sharing(Collection<Entry> entries) {
    Map<TrackedDomain, List<Entry>> byDomain = new LinkedHashMap<>();
    for (Entry entry : entries) {
      TrackedDomain.of(entry.definition())
          .ifPresent(
              domain -> byDomain.computeIfAbsent(domain, key -> new ArrayList<>()).add(entry));
    }
    return byDomain.values().stream().filter(sharing -> sharing.size() > 1).toList();
  }

  /**
   * The names, sizes and times of its files: while it is the same, so are the definitions.
   *
   * @throws UncheckedIOException when the folder cannot be listed
   */
  public String state() {
    StringBuilder state = new StringBuilder();
    for (Path file : files()) {
      state.append(file).append(' ');
      try {
        BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
        state.append(attributes.size()).append(' ').append(attributes.lastModifiedTime());
        state.append(' ').append(attributes.fileKey());
      } catch (IOException e) {
        state.append("gone");
      }
      state.append('\n');
    }
    return state.toString();
  }

  /**
   * Finds the definitions that an operator means: those in the file of that path, else the VM's of
   * that name, else those in the file of that name in this folder.
   *
   * @param content of this folder, as it was read just now
   * @return none when there is none and every file of the folder could be read
   * @throws JobDefinitionException when it is broken or its VM is defined twice in this folder, or
   *     when it is not there while some other file is broken, which may be the one that was meant
   */
  public List<Entry> find(String fileOrVm, Content content) {
    Optional<Path> file = path(fileOrVm).filter(Files::isRegularFile);
    if (file.isPresent()) {
      return only(file.get());
    }
    Entry entry = content.byVmName().get(fileOrVm);
    if (entry != null) {
      return List.of(entry);
    }
    Optional<Path> named = files().stream().filter(path -> stem(path).equals(fileOrVm)).findFirst();
    if (named.isPresent()) {
      return only(named.get());
    }
    if (!content.broken().isEmpty()) {
      throw content.broken().getFirst();
    }
    return List.of();
  }

  /**
   * One file's definitions, refused when the same VM is defined elsewhere in this folder, or its
   * domain is backed up from there into the same repository.
   */
  private List<Entry> only(Path file) {
    Map<String, Entry> own = new LinkedHashMap<>();
    for (JobDefinition definition : JobDefinitions.readAll(file)) {
      Entry entry = new Entry(file, definition);
      Entry earlier = own.putIfAbsent(definition.vmName(), entry);
      if (earlier != null) {
        throw twice(definition.vmName(), List.of(earlier, entry));
      }
    }
    List<Entry> all = new ArrayList<>();
    for (Path other : files()) {
      for (JobDefinition definition :
          same(file, other) ? List.<JobDefinition>of() : usable(other)) {
        Entry entry = own.get(definition.vmName());
        if (entry != null) {
          throw twice(definition.vmName(), List.of(new Entry(other, definition), entry));
        }
        all.add(new Entry(other, definition));
      }
    }
    all.addAll(own.values());
    for (List<Entry> sharing : sharing(all)) {
      if (own.containsValue(sharing.getLast())) {
        throw shared(sharing.getFirst(), sharing.getLast());
      }
    }
    return List.copyOf(own.values());
  }

  private static List<JobDefinition> usable(Path file) {
    try {
      return JobDefinitions.readAll(file);
    } catch (JobDefinitionException e) {
      // A broken file backs nothing up; it is reported where it is used.
      return List.of();
    }
  }

  private static boolean same(Path file, Path other) {
    try {
      return Files.isSameFile(file, other);
    } catch (IOException e) {
      return false;
    }
  }

  private static JobDefinitionException twice(String vmName, List<Entry> entries) {
    return JobDefinitionException.of(
        entries.get(1).file().toString(),
        "VM "
            + Problems.quoted(vmName)
            + " is defined in "
            + entries.getFirst().file()
            + " already; a VM has one definition, remove one of the two");
  }

  private static JobDefinitionException shared(Entry first, Entry second) {
    return JobDefinitionException.of(
        second.file().toString(),
        "VM "
            + Problems.quoted(second.definition().vmName())
            + " is the one that VM "
            + Problems.quoted(first.definition().vmName())
            + " in "
            + first.file()
            + TrackedDomain.of(first.definition()).orElseThrow().conflict()
            + "remove one of the two, or give one another repository");
  }

  private static Optional<Path> path(String text) {
    try {
      return Optional.of(Path.of(text));
    } catch (InvalidPathException e) {
      return Optional.empty();
    }
  }

  private static String stem(Path file) {
    return String.valueOf(file.getFileName()).replaceFirst("\\.ya?ml$", "");
  }

  private List<Path> files() {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .filter(file -> file.getFileName().toString().matches("[^.].*\\.ya?ml"))
          .filter(Files::isRegularFile)
          .sorted()
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(folder + " cannot be listed: " + e.getMessage(), e);
    }
  }
}
