package dev.backstep.backup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.qcow2.Qcow2FormatException;
import dev.backstep.qcow2.WriterState;
import dev.backstep.repository.DiskManifest;
import java.io.EOFException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.Arrays;
import java.util.Optional;

/**
 * An image that was begun by a process that died: of some of it the state is known, and both of its
 * files are longer than that state says. Whoever goes on has to cut them.
 */
public final class ResumedMerge {

  private static final int CLUSTERS = 96;
  private static final int LEFT_BEHIND_BYTES = 8 << 20;

  private final LayeredDisk disk;
  private final ImageMerge.Request request;
  private final WriterState state;
  private DiskManifest.Replacement next;

  /**
   * @param root of a repository that is made
   */
  public ResumedMerge(Path root) throws IOException {
    disk = new LayeredDisk(root);
    int size = CLUSTERS * ClusterMap.CLUSTER_BYTES;
    disk.add(size, Compression.NONE, 1, index -> 'd');
    disk.add(size, Compression.NONE, 2, index -> index % 3 == 0 ? 'd' : '.');
    DiskBackupId top = disk.ids.getLast();
    request = new ImageMerge.Request(disk.folder, top, Optional.empty(), Compression.NONE, 1);
    try (ImageMerge merge = ImageMerge.open(request, Optional.empty())) {
      while (merge.bytesDone() == 0) {
        merge.put();
      }
      state = merge.checkpoint().orElseThrow();
      while (merge.put()) {}
      next = merge.finish(Instant.EPOCH);
    }
    Files.write(disk.folder.merging(top), new byte[LEFT_BEHIND_BYTES], StandardOpenOption.APPEND);
  }

  /** Goes on, to the finished image. */
  public void run() throws IOException {
    try (ImageMerge merge = open()) {
      while (merge.put()) {}
      next = merge.finish(Instant.EPOCH);
    }
  }

  private ImageMerge open() throws IOException {
    try {
      return ImageMerge.open(request, Optional.of(state));
    } catch (EOFException | Qcow2FormatException e) {
      return ImageMerge.open(request, Optional.empty());
    }
  }

  /** Puts it in the place of the one that it was made of. */
  public void publish() throws IOException {
    disk.folder.replace(request.image(), next);
  }

  /** Every published image shows what it did, and fits its tables and checksums. */
  public void check(String when) throws IOException {
    for (int i = 0; i < disk.ids.size(); i++) {
      assertThat(Arrays.mismatch(disk.shown(i), disk.expected(i))).as(when).isEqualTo(-1);
      try (ImageCheck check = new ImageCheck(disk.folder, disk.ids.get(i))) {
        assertThat(check.structure()).as(when).isEmpty();
        check.openData(0, true);
        assertThat(check.data(Long.MAX_VALUE).damages()).as(when).isEmpty();
      }
    }
  }
}
