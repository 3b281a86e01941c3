package dev.backstep.blockio;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A folder as a power cut leaves it behind the first of its recorded changes. What was forced is
 * there. Of the rest, contents and names alike, each change may be there or not, in any order, and
 * of a write any of its sectors.
 */
public final class CrashedFolder {

  private static final int SECTOR_BYTES = 512;

  private final FileRecording recording;
  private final List<FileRecording.Step> steps;
  private final Loss loss;
  private final Random random;
  private final Map<Path, Integer> names;
  private final List<byte[]> contents = new ArrayList<>();
  private final Set<Path> lostFolders = new HashSet<>();
  private final int[] forcedUpTo;
  private final int[][] droppedBetween;
  private final Map<Path, Integer> folderForcedUpTo = new HashMap<>();
  private boolean choice;

  /** What becomes of changes that were not forced. */
  public enum Loss {
    /** All of it is lost. */
    EVERYTHING,
    /** Nothing is, as when the process dies alone. */
    NOTHING,
    /** Names are there, what the files held is not. */
    CONTENTS,
    /** What files held is there, under the names of before. */
    NAMES,
    /** Some writes and names, and of some writes some sectors. */
    SOME,
    /** As {@link #SOME}, chosen anew. */
    OTHERS,
    /** As {@link #SOME}, chosen anew. */
    YET_OTHERS
  }

  /**
   * @param count how many of the recorded changes were made
   */
  public CrashedFolder(FileRecording recording, int count, Loss loss) {
    this.recording = recording;
    this.steps = recording.steps().subList(0, count);
    this.loss = loss;
    this.random = new Random(count * 31L + loss.ordinal());
    this.names = new HashMap<>(recording.initialNames());
    recording.initialContents().forEach(content -> contents.add(content.clone()));
    int files = contents.size();
    for (FileRecording.Step step : steps) {
      files += step.change() instanceof FileChange.Create ? 1 : 0;
    }
    this.forcedUpTo = new int[files];
    this.droppedBetween = new int[files][];
    for (FileRecording.Step step : steps) {
      if (step.change() instanceof FileChange.Force force) {
        forcedUpTo[force.file()] = Math.max(forcedUpTo[force.file()], force.begun());
      } else if (step.change() instanceof FileChange.FailedForce failed) {
        droppedBetween[failed.file()] = new int[] {forcedUpTo[failed.file()], failed.begun()};
      } else if (step.change() instanceof FileChange.ForceFolder force) {
        folderForcedUpTo.merge(force.name(), force.begun(), Math::max);
      }
    }
    for (int i = 0; i < steps.size(); i++) {
      apply(i, steps.get(i).change());
    }
  }

  /** Whether anything was not forced, so that the losses differ. */
  public boolean hasChoice() {
    return choice;
  }

  private void apply(int number, FileChange change) {
    switch (change) {
      case FileChange.Create create -> {
        contents.add(new byte[0]);
        bind(number, create.name(), create.file());
      }
      case FileChange.Empty empty -> {
        if (contentKept(number, empty.file())) {
          contents.set(empty.file(), new byte[0]);
        }
      }
      case FileChange.Write write -> write(number, write);
      case FileChange.Truncate truncate -> {
        if (contentKept(number, truncate.file())) {
          contents.set(truncate.file(), cut(contents.get(truncate.file()), truncate.size()));
        }
      }
      case FileChange.Rename rename -> {
        if (nameKept(number, rename.to())) {
          names.remove(rename.from());
          names.put(rename.to(), rename.file());
        }
      }
      case FileChange.Link link -> bind(number, link.name(), link.file());
      case FileChange.Delete delete -> {
        if (nameKept(number, delete.name())) {
          names.remove(delete.name());
        }
      }
      case FileChange.Folder folder -> {
        if (!nameKept(number, folder.name())) {
          lostFolders.add(folder.name());
        }
      }
      case FileChange.Force _, FileChange.FailedForce _, FileChange.ForceFolder _ -> {}
    }
  }

  private void bind(int number, Path name, int file) {
    if (nameKept(number, name)) {
      names.put(name, file);
    }
  }

  private void write(int number, FileChange.Write write) {
    if (isForced(number, write.file())) {
      put(write.file(), write.offset(), write.bytes());
      return;
    }
    choice = true;
    switch (loss) {
      case NOTHING, NAMES -> put(write.file(), write.offset(), write.bytes());
      case EVERYTHING, CONTENTS -> {}
      default -> {
        switch (random.nextInt(3)) {
          case 0 -> put(write.file(), write.offset(), write.bytes());
          case 1 -> tear(write);
          default -> {}
        }
      }
    }
  }

  private void tear(FileChange.Write write) {
    long end = write.offset() + write.bytes().length;
    for (long at = write.offset(); at < end; ) {
      long next = Math.min(end, (at / SECTOR_BYTES + 1) * SECTOR_BYTES);
      if (random.nextBoolean()) {
        int from = (int) (at - write.offset());
        put(write.file(), at, Arrays.copyOfRange(write.bytes(), from, from + (int) (next - at)));
      }
      at = next;
    }
  }

  private void put(int file, long offset, byte[] bytes) {
    contents.set(file, written(contents.get(file), offset, bytes));
  }

  private boolean contentKept(int number, int file) {
    return isForced(number, file) || kept(loss != Loss.CONTENTS);
  }

  private boolean isForced(int number, int file) {
    int[] dropped = droppedBetween[file];
    boolean wasDropped = dropped != null && number >= dropped[0] && number < dropped[1];
    return number < forcedUpTo[file] && !wasDropped;
  }

  private boolean nameKept(int number, Path name) {
    int forced = folderForcedUpTo.getOrDefault(name.getParent(), 0);
    return number < forced || kept(loss != Loss.NAMES);
  }

  private boolean kept(boolean unlessEverything) {
    choice = true;
    return switch (loss) {
      case EVERYTHING -> false;
      case NOTHING, CONTENTS, NAMES -> unlessEverything;
      default -> random.nextBoolean();
    };
  }

  /** Makes a folder hold what is left, and nothing else. */
  public void writeTo(Path folder) throws IOException {
    clear(folder);
    Set<Path> lost = new HashSet<>(lostFolders);
    for (FileRecording.Step step : steps) {
      if (step.change() instanceof FileChange.Folder made && !isLost(lost, made.name())) {
        Files.createDirectories(moved(made.name(), folder));
      }
    }
    for (Map.Entry<Path, Integer> entry : names.entrySet()) {
      if (!isLost(lost, entry.getKey())) {
        Path file = moved(entry.getKey(), folder);
        Files.createDirectories(file.getParent());
        Files.write(file, contents.get(entry.getValue()));
      }
    }
  }

  private static boolean isLost(Set<Path> lost, Path name) {
    return lost.stream().anyMatch(name::startsWith);
  }

  private Path moved(Path name, Path folder) {
    return folder.resolve(recording.root().relativize(name));
  }

  private static void clear(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        if (!file.equals(folder)) {
          Files.delete(file);
        }
      }
    }
  }

  static byte[] written(byte[] content, long offset, byte[] bytes) {
    int end = (int) offset + bytes.length;
    byte[] after = content.length < end ? Arrays.copyOf(content, end) : content;
    System.arraycopy(bytes, 0, after, (int) offset, bytes.length);
    return after;
  }

  static byte[] cut(byte[] content, long size) {
    return content.length > size ? Arrays.copyOf(content, (int) size) : content;
  }
}
