package dev.backstep.source.vsphere;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.nbd.NbdConnection;
import dev.backstep.nbd.NbdExtents;
import dev.backstep.nbd.NbdReader;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** One disk of a snapshot: what changed from the vCenter, bytes from an nbdkit of its own. */
final class VsphereDisk implements SourceDisk {

  private static final Logger log = LoggerFactory.getLogger(VsphereDisk.class);

  private static final String IN_USE = "*";

  /** Below this, asking what of an area reads as zeros costs more than reading it. */
  private static final long ZERO_SEARCH_BYTES_MIN = 1L << 20;

  private final VsphereGateway gateway;
  private final Moref machine;
  private final Moref snapshot;
  private final DiskFacts facts;
  private final Optional<String> untracked;
  private final DiskExport export;

  /**
   * @param facts as the snapshot's configuration has them
   * @param untracked why the VM's changes are not tracked, where that is known
   */
  VsphereDisk(
      VsphereGateway gateway,
      Moref machine,
      Moref snapshot,
      DiskFacts facts,
      Optional<String> untracked,
      DiskExport export) {
    this.gateway = gateway;
    this.machine = machine;
    this.snapshot = snapshot;
    this.facts = facts;
    this.untracked = untracked;
    this.export = export;
  }

  @Override
  public DiskKey key() {
    return facts.diskKey();
  }

  @Override
  public long sizeBytes() {
    return facts.sizeBytes();
  }

  @Override
  public Optional<ChangeId> changeId() {
    return facts.changeId().map(ChangeId::new);
  }

  /** Tracking has been wrong on some releases after a disk was extended. */
  @Override
  public boolean tracksGrowth() {
    return false;
  }

  /** Ends the disk's nbdkit. */
  void end() {
    export.close();
  }

  void endIdle() {
    export.endIdle();
  }

  /**
   * Everything where the vCenter does not know what is in use, or turns out to be wrong: what it
   * says of a disk that had snapshots when its tracking was switched on is not to be trusted.
   */
  @Override
  public void allocated(ExtentVisitor visitor) throws IOException {
    Optional<List<ByteRange>> inUse =
        facts.changeId().isEmpty() ? Optional.empty() : areas(IN_USE).areas();
    if (inUse.isPresent() && onlyZerosOutside(inUse.get())) {
      inUse.get().forEach(area -> visitor.extent(area.offset(), area.length(), ExtentKind.DATA));
    } else if (sizeBytes() > 0) {
      visitor.extent(0, sizeBytes(), ExtentKind.DATA);
    }
  }

  @Override
  public boolean allocationIsTracked() {
    return true;
  }

  private boolean onlyZerosOutside(List<ByteRange> inUse) throws IOException {
    UnusedSample sample = new UnusedSample(inUse, sizeBytes());
    if (sample.ranges().isEmpty()) {
      return true;
    }
    try (BlockReader reader = open(UnusedSample.BLOCKS)) {
      Optional<ByteRange> data = sample.firstData(reader);
      data.ifPresent(range ->
          log.warn(
              "{}: disk {} holds data at byte {}, which its vCenter calls unused; all of it is"
                  + " read",
              machine,
              facts,
              range.offset()));
      return data.isEmpty();
    }
  }

  /** Areas, or why tracking cannot tell. */
  private record Answer(Optional<List<ByteRange>> areas, String cause) {}

  private Answer areas(String since) throws IOException {
    List<ByteRange> areas = new ArrayList<>();
    try {
      gateway.changedAreas(
          machine,
          snapshot,
          facts,
          since,
          (offset, length, kind) -> areas.add(new ByteRange(offset, length)));
      return new Answer(Optional.of(areas), "");
    } catch (VsphereFault e) {
      if (e.isOfTracking()) {
        return new Answer(Optional.empty(), String.valueOf(e.getMessage()));
      }
      // Rights, a snapshot that is gone, a server in trouble: no word about this disk.
      throw new SourceException(
          SourceException.Kind.UNREACHABLE, String.valueOf(e.getMessage()), e);
    }
  }

  @Override
  public ChangedAnswer changed(ChangeId since, ExtentVisitor visitor) throws IOException {
    if (facts.changeId().isEmpty()) {
      return new ChangedAnswer.Unavailable(
          untracked.orElse("the snapshot has no change id of disk " + facts));
    }
    Optional<String> obstacle = TrackingId.obstacle(since.value(), facts.changeId().get());
    if (obstacle.isPresent()) {
      return new ChangedAnswer.Reset(obstacle.get());
    }
    Answer answer = areas(since.value());
    if (answer.areas().isEmpty()) {
      return new ChangedAnswer.Reset(answer.cause());
    }
    report(answer.areas().get(), visitor);
    return new ChangedAnswer.Known();
  }

  /** Data, but for what reads as zeros inside large areas. */
  private void report(List<ByteRange> areas, ExtentVisitor visitor) {
    List<ByteRange> large =
        areas.stream().filter(area -> area.length() >= ZERO_SEARCH_BYTES_MIN).toList();
    areas.stream()
        .filter(area -> area.length() < ZERO_SEARCH_BYTES_MIN)
        .forEach(area -> visitor.extent(area.offset(), area.length(), ExtentKind.DATA));
    List<Found> found = new ArrayList<>();
    try {
      search(large, found);
    } catch (IOException e) {
      log.info("disk {}: zeros are not looked for: {}", facts, e.getMessage());
      found.clear();
      large.forEach(area -> found.add(new Found(area, ExtentKind.DATA)));
    }
    found.forEach(one -> visitor.extent(one.range().offset(), one.range().length(), one.kind()));
  }

  private record Found(ByteRange range, ExtentKind kind) {}

  private void search(List<ByteRange> areas, List<Found> found) throws IOException {
    if (areas.isEmpty()) {
      return;
    }
    try (DiskExport.Use use = export.use();
        NbdConnection connection =
            NbdConnection.open(
                use.uri(), List.of(NbdExtents.ALLOCATION), NbdConnection.STALL_DEFAULT)) {
      for (ByteRange area : areas) {
        if (connection.export().grants(NbdExtents.ALLOCATION)) {
          NbdExtents.allocated(
              connection,
              area,
              (offset, length, kind) -> found.add(new Found(new ByteRange(offset, length), kind)));
        } else {
          found.add(new Found(area, ExtentKind.DATA));
        }
      }
    }
  }

  @Override
  public BlockReader open(int blocksInFlight) throws IOException {
    DiskExport.Use use = export.use();
    try {
      NbdReader reader = NbdReader.open(use.uri(), 1, blocksInFlight);
      if (reader.sizeBytes() != sizeBytes()) {
        long served = reader.sizeBytes();
        reader.close();
        throw new SourceException(
            SourceException.Kind.FAILED,
            "disk " + facts + " has " + sizeBytes() + " bytes and is served with " + served);
      }
      return new ServedReader(reader, use);
    } catch (IOException | RuntimeException e) {
      use.close();
      throw e;
    }
  }

  /** A reader that lets its disk's nbdkit go. */
  private record ServedReader(NbdReader reader, DiskExport.Use use) implements BlockReader {

    @Override
    public long sizeBytes() {
      return reader.sizeBytes();
    }

    @Override
    public CompletableFuture<Block> read(List<ByteRange> ranges) throws IOException {
      return reader.read(ranges);
    }

    @Override
    public void close() {
      try (use) {
        reader.close();
      }
    }
  }
}
