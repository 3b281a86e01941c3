package dev.backstep.backup;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.ChecksumFile;
import dev.backstep.blockio.ChecksumLog;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChecksumKind;
import dev.backstep.domain.Compression;
import dev.backstep.domain.DiskBackupId;
import dev.backstep.domain.VmId;
import dev.backstep.qcow2.Qcow2Reader;
import dev.backstep.qcow2.Qcow2Spec;
import dev.backstep.qcow2.Qcow2Writer;
import dev.backstep.repository.DiskFolder;
import dev.backstep.repository.DiskManifest;
import dev.backstep.repository.Repository;
import dev.backstep.testing.HeapBlock;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** A chain of published images, and what each of them must show. */
public final class LayeredDisk {

  private static final int SECTOR = 512;

  public final DiskFolder folder;
  public final List<DiskBackupId> ids = new ArrayList<>();
  final List<byte[]> contents = new ArrayList<>();
  private final int clusterBits;

  /** How many clusters at most are written at once, and so have one checksum. */
  int clustersAtOnce = 1;

  /** How many bytes each checksum covers, tables or not; 0 for as they are written. */
  int checksumBytes = 0;

  LayeredDisk(Path root) throws IOException {
    this(root, Integer.numberOfTrailingZeros(ClusterMap.CLUSTER_BYTES));
  }

  /** Of images with clusters of another size than backups make. */
  public LayeredDisk(Path root, int clusterBits) throws IOException {
    this.clusterBits = clusterBits;
    folder = Repository.openOrCreate(root).disk(new VmId("vm"), 0);
    folder.create();
  }

  /** What a layer does with each of its clusters: keep, data, zeros. */
  public interface Layer {
    char cluster(int index);
  }

  /** Adds an image on top of the last one. */
  void add(int sizeBytes, Compression compression, long seed, Layer layer) throws IOException {
    add(sizeBytes, compression, ChecksumKind.CRC32C, seed, layer);
  }

  /** The same with checksums of a kind. */
  public void add(int sizeBytes, Compression compression, ChecksumKind kind, long seed, Layer layer)
      throws IOException {
    int number = ids.size();
    int clusterBytes = 1 << clusterBits;
    DiskBackupId id = new DiskBackupId("backup-vm-disk0-20260101-0000%02d".formatted(number));
    byte[] now =
        contents.isEmpty() ? new byte[sizeBytes] : Arrays.copyOf(contents.getLast(), sizeBytes);
    Optional<String> base = ids.isEmpty() ? Optional.empty() : Optional.of(name(number - 1));
    Random random = new Random(seed);
    Qcow2Spec spec = new Qcow2Spec(sizeBytes, base, clusterBits, compression, 1);
    long length;
    long dataBytes;
    ByteRange waiting = null;
    try (ChecksumLog log = ChecksumLog.create(folder.partialChecksums(id), kind);
        Qcow2Writer writer = Qcow2Writer.create(folder.partial(id), spec, Optional.of(log))) {
      for (int at = 0; at < sizeBytes; at += clusterBytes) {
        ByteRange range = new ByteRange(at, Math.min(clusterBytes, sizeBytes - at));
        switch (layer.cluster(at / clusterBytes)) {
          case 'd' -> {
            byte[] bytes = new byte[(int) range.length()];
            random.nextBytes(bytes);
            Arrays.fill(bytes, bytes.length / 2, bytes.length, (byte) 7); // compresses a little
            System.arraycopy(bytes, 0, now, at, bytes.length);
            waiting =
                waiting == null
                    ? range
                    : new ByteRange(waiting.offset(), range.end() - waiting.offset());
          }
          case 'z' -> {
            waiting = write(writer, now, waiting);
            Arrays.fill(now, at, (int) range.end(), (byte) 0);
            writer.writeZeros(range);
          }
          default -> waiting = write(writer, now, waiting);
        }
        if (waiting != null && waiting.length() >= (long) clustersAtOnce * clusterBytes) {
          waiting = write(writer, now, waiting);
        }
      }
      write(writer, now, waiting);
      length = writer.finish();
      dataBytes = writer.bytesData();
    }
    if (checksumBytes > 0) {
      checksumAnew(id, kind);
    }
    folder.publish(id, manifest(id, kind, sizeBytes, length, dataBytes));
    ids.add(id);
    contents.add(now);
  }

  private static @Nullable ByteRange write(
      Qcow2Writer writer, byte[] now, @Nullable ByteRange waiting) throws IOException {
    if (waiting != null) {
      writer.write(new HeapBlock(now, List.of(waiting)));
    }
    return null;
  }

  /** As of an image that another program wrote. */
  private void checksumAnew(DiskBackupId id, ChecksumKind kind) throws IOException {
    byte[] file = Files.readAllBytes(folder.partial(id));
    try (ChecksumLog log = ChecksumLog.create(folder.partialChecksums(id), kind)) {
      for (int at = 0; at < file.length; at += checksumBytes) {
        log.record(at, ByteBuffer.wrap(file, at, Math.min(checksumBytes, file.length - at)));
      }
      log.force();
    }
  }

  private String name(int number) {
    return DiskFolder.imageName(ids.get(number));
  }

  private DiskManifest manifest(
      DiskBackupId id, ChecksumKind kind, long size, long length, long dataBytes)
      throws IOException {
    boolean full = ids.isEmpty();
    return new DiskManifest(
        1,
        id.value(),
        id.value().replace("-disk0", ""),
        "0123456789abcdef",
        "vm",
        "vm",
        0,
        "vda",
        size,
        full ? "full" : "incremental",
        full ? "NO_BASELINE" : "CHANGED_EXTENTS",
        null,
        "mark-" + ids.size(),
        null,
        full ? null : ids.getLast().value(),
        ids.size() + 1,
        DiskFolder.imageName(id),
        length,
        dataBytes,
        DiskFolder.checksumsName(id),
        ChecksumFile.sha256(folder.partialChecksums(id)),
        kind.word(),
        "2026-01-01T00:00:00Z",
        "2026-01-01T00:01:00Z",
        null,
        null);
  }

  /** What an image shows, by our reader. */
  byte[] shown(int number) throws IOException {
    try (Qcow2Reader reader = Qcow2Reader.open(folder.image(ids.get(number)), 4)) {
      byte[] all = new byte[(int) reader.sizeBytes()];
      int clusterBytes = 1 << clusterBits;
      for (int at = 0; at < all.length; at += clusterBytes) {
        int length = Math.min(clusterBytes, all.length - at);
        try (Block block = reader.read(List.of(new ByteRange(at, length))).join()) {
          block.bytes(0).get(all, at, length);
        }
      }
      return all;
    }
  }

  /** What it must show: the disk, and zeros to the end of its last sector. */
  byte[] expected(int number) {
    byte[] content = contents.get(number);
    return Arrays.copyOf(content, Math.ceilDiv(content.length, SECTOR) * SECTOR);
  }
}
