package dev.backstep.job.backup;

import dev.backstep.blockio.AlignedBuffers;
import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.domain.ByteRange;
import dev.backstep.domain.ChangeId;
import dev.backstep.domain.DiskKey;
import dev.backstep.domain.JobDefinition;
import dev.backstep.domain.RepositoryId;
import dev.backstep.domain.SourceDefinition;
import dev.backstep.job.definition.JobDefinitions;
import dev.backstep.source.ChangedAnswer;
import dev.backstep.source.MarkName;
import dev.backstep.source.Snapshot;
import dev.backstep.source.SnapshotGoneException;
import dev.backstep.source.SnapshotRequest;
import dev.backstep.source.SourceDisk;
import dev.backstep.source.SourceException;
import dev.backstep.source.SourceProvider;
import dev.backstep.source.VmSource;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;

/** A hypervisor in memory, one VM per location name; tests drive its disks and its troubles. */
final class SimulatedSource implements SourceProvider {

  /** Snapshots follow it by a second each: all of them are in the past. */
  private static final Instant FIRST =
      Instant.now().truncatedTo(ChronoUnit.SECONDS).minus(12, ChronoUnit.HOURS);

  private static final String TYPE = "x-simulated";

  private static final Map<String, Machine> MACHINES = new ConcurrentHashMap<>();

  /** One simulated VM. */
  static final class Machine {
    final Map<String, SimulatedDisk> disks = new LinkedHashMap<>();
    final Map<String, Map<String, byte[]>> snapshots = new ConcurrentHashMap<>();
    boolean tracksGrowth;
    boolean snapshotFails;
    boolean forgetsSnapshots;

    /** Runs whenever a source of it is opened. */
    volatile Runnable beforeOpen = () -> {};

    /** Runs before anything is read, in the thread that asks for it. */
    volatile Runnable beforeRead = () -> {};

    /** Runs before marks are removed, in the thread that does it. */
    volatile Runnable beforeRelease = () -> {};

    /** Bytes that may still be read before reading fails; negative: no limit. */
    volatile long readBudget = -1;

    /** Milliseconds that each read takes. */
    volatile long readMillis;

    volatile int snapshotsMade;

    /** Disks that are open for reading, and the most that were at the same time. */
    private int open;

    private int openMax;

    synchronized void opened(int more) {
      open += more;
      openMax = Math.max(openMax, open);
    }

    synchronized int openMax() {
      return openMax;
    }

    /** The content at the newest snapshot. */
    Map<String, byte[]> lastSnapshot() {
      return snapshots.get("s" + snapshotsMade);
    }
  }

  static Machine machine(String name) {
    return MACHINES.computeIfAbsent(name, ignored -> new Machine());
  }

  /** Waits, as a source may that hangs. */
  static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException("interrupted", e);
    }
  }

  static void remove(String name) {
    MACHINES.remove(name);
  }

  /**
   * What backs all disks of a machine up into a repository.
   *
   * @param fields more of the definition, a line of YAML each
   */
  static JobDefinition definition(String machine, Path repository, String... fields) {
    return JobDefinitions.read(
        """
        vm: %s
        source: { type: %s, machine: %s }
        repository: "%s"
        """
                .formatted(machine, TYPE, machine, repository)
            + String.join("\n", fields)
            + "\n");
  }

  @Override
  public String type() {
    return TYPE;
  }

  @Override
  public VmSource open(SourceDefinition definition, Path runFolder) {
    Machine machine = machine(definition.settings().get("machine"));
    machine.beforeOpen.run();
    return new Vm(machine);
  }

  private record Vm(Machine machine) implements VmSource {

    @Override
    public Snapshot snapshot(SnapshotRequest request) throws SourceException {
      if (machine.snapshotFails) {
        throw new SourceException(SourceException.Kind.FAILED, "the simulated snapshot failed");
      }
      int number = machine.snapshotsMade + 1;
      machine.snapshotsMade = number;
      String name = "s" + number;
      Map<String, byte[]> frozen = new LinkedHashMap<>();
      for (SimulatedDisk disk : machine.disks.values()) {
        if (!request.exclude().contains(new DiskKey(disk.key()))) {
          disk.mark(MarkName.of(request.repository(), request.backup(), name).value());
          frozen.put(disk.key(), disk.content());
        }
      }
      machine.snapshots.put(name, frozen);
      return open(request, name);
    }

    private Snapshot open(SnapshotRequest request, String name) {
      ChangeId changeId = MarkName.of(request.repository(), request.backup(), name);
      List<SourceDisk> disks = new ArrayList<>();
      machine
          .snapshots
          .get(name)
          .forEach((key, frozen) ->
              disks.add(new Disk(machine, machine.disks.get(key), frozen, changeId)));
      return new OpenedSnapshot(name, disks);
    }

    @Override
    public Snapshot reattach(SnapshotRequest request, String handle) throws SnapshotGoneException {
      if (machine.forgetsSnapshots
          || !machine.snapshots.containsKey(handle)
          || !machine.disks.keySet().containsAll(machine.snapshots.get(handle).keySet())) {
        throw new SnapshotGoneException("the simulated snapshot " + handle + " is gone");
      }
      return open(request, handle);
    }

    @Override
    public void releaseMarks(RepositoryId repository, Map<DiskKey, Set<ChangeId>> keep) {
      machine.beforeRelease.run();
      for (SimulatedDisk disk : machine.disks.values()) {
        Set<ChangeId> needed = keep.get(new DiskKey(disk.key()));
        if (needed != null) {
          disk.dropMarksBut(
              needed.stream().map(ChangeId::value).collect(Collectors.toSet()),
              "backstep." + repository.value() + ".");
        }
      }
    }
  }

  private record OpenedSnapshot(String handle, List<SourceDisk> disks) implements Snapshot {
    @Override
    public Instant takenAt() {
      return FIRST.plusSeconds(Integer.parseInt(handle.substring(1)));
    }

    @Override
    public Map<String, String> vmDefinition() {
      return Map.of("simulated", handle);
    }

    @Override
    public void close() {}
  }

  private record Disk(Machine machine, SimulatedDisk disk, byte[] frozen, ChangeId mark)
      implements SourceDisk {

    @Override
    public DiskKey key() {
      return new DiskKey(disk.key());
    }

    @Override
    public long sizeBytes() {
      return frozen.length;
    }

    @Override
    public Optional<ChangeId> changeId() {
      return Optional.of(mark);
    }

    @Override
    public boolean tracksGrowth() {
      return machine.tracksGrowth;
    }

    @Override
    public void allocated(ExtentVisitor visitor) {
      disk.allocated(frozen, visitor);
    }

    @Override
    public ChangedAnswer changed(ChangeId since, ExtentVisitor visitor) throws IOException {
      if (!disk.knows(since.value())) {
        return new ChangedAnswer.Reset("the simulated tracking was reset");
      }
      disk.changed(since.value(), frozen, visitor);
      return new ChangedAnswer.Known();
    }

    @Override
    public BlockReader open(int blocksInFlight) {
      machine.opened(1);
      return new Reader(machine, frozen);
    }
  }

  private record Reader(Machine machine, byte[] frozen) implements BlockReader {

    @Override
    public long sizeBytes() {
      return frozen.length;
    }

    @Override
    public CompletableFuture<Block> read(List<ByteRange> ranges) {
      machine.beforeRead.run();
      long length = ranges.stream().mapToLong(ByteRange::length).sum();
      synchronized (machine) {
        if (machine.readBudget >= 0) {
          machine.readBudget -= length;
          if (machine.readBudget < 0) {
            return CompletableFuture.failedFuture(
                new IOException("the simulated disk failed to read"));
          }
        }
      }
      if (machine.readMillis > 0) {
        return CompletableFuture.supplyAsync(
            () -> new Copied(ranges, frozen),
            CompletableFuture.delayedExecutor(machine.readMillis, TimeUnit.MILLISECONDS));
      }
      return CompletableFuture.completedFuture(new Copied(ranges, frozen));
    }

    @Override
    public void close() {
      machine.opened(-1);
    }
  }

  private record Copied(List<ByteRange> ranges, byte[] frozen) implements Block {
    @Override
    public ByteBuffer bytes(int index) {
      ByteRange range = ranges.get(index);
      return AlignedBuffers.allocate((int) range.length())
          .put(frozen, (int) range.offset(), (int) range.length())
          .flip();
    }

    @Override
    public void close() {}
  }
}
