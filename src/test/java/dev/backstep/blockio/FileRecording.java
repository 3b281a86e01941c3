package dev.backstep.blockio;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.CopyOption;
import java.nio.file.Files;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Records every change that the program makes below one folder, does it, and can break it off: from
 * a point of one's choice on nothing is done any more, or a certain call fails. What other programs
 * write to a file is found when the file is forced. Thread-safe: one call at a time.
 */
public final class FileRecording extends FileCalls implements AutoCloseable {

  private final Path root;
  private final Supplier<?> witness;
  private final Map<Path, Integer> initialNames;
  private final List<byte[]> initialContents;
  private final List<Step> steps = new ArrayList<>();
  private final Map<Path, Integer> names = new HashMap<>();
  private final List<byte[]> contents = new ArrayList<>();
  private int nextFile;
  private volatile int failures;
  private volatile boolean failedForcesAreForgotten;
  private volatile boolean shares;
  private volatile boolean punches;
  private volatile @Nullable Fault fault;

  /**
   * A recorded change.
   *
   * @param site where in the program it was asked for
   * @param before what the witness said before it was done
   */
  public record Step(FileChange change, ChangeSite site, Object before) {}

  /**
   * What a change becomes. The number of changes that are recorded is the next one's.
   *
   * @return bytes that are written of a write; all that there are to do it whole
   */
  @FunctionalInterface
  public interface Fault {
    int meet(int number, ChangeSite site, int bytes) throws IOException;
  }

  /**
   * Begins to record.
   *
   * @param root what is there already counts as durable
   * @param witness asked before every change, on the thread that makes it
   */
  public static FileRecording start(Path root, Supplier<?> witness) {
    FileRecording recording = new FileRecording(root, witness);
    FileCalls.use(recording);
    return recording;
  }

  private FileRecording(Path root, Supplier<?> witness) {
    this.root = root;
    this.witness = witness;
    try (var files = Files.walk(root)) {
      for (Path file : files.filter(Files::isRegularFile).toList()) {
        contents.add(Files.readAllBytes(file));
        names.put(file, nextFile++);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    this.initialNames = Map.copyOf(names);
    this.initialContents = contents.stream().map(byte[]::clone).toList();
  }

  /**
   * Breaks the rule that a force which failed is not tried again: callers are told that all is
   * well, as if they had forced once more.
   */
  public void forgetFailedForces() {
    failedForcesAreForgotten = true;
  }

  /**
   * From now on files can share blocks, as on XFS, whatever this file system can: they get copies
   * of them. Else no file can.
   */
  public void shareBlocks() {
    shares = true;
  }

  /** From now on files can have holes, whatever this file system can: zeros are written there. */
  public void punchHoles() {
    punches = true;
  }

  /** From now on changes meet this; null for nothing. */
  public void fail(@Nullable Fault next) {
    fault = next;
  }

  public synchronized List<Step> steps() {
    return List.copyOf(steps);
  }

  Map<Path, Integer> initialNames() {
    return initialNames;
  }

  List<byte[]> initialContents() {
    return initialContents;
  }

  Path root() {
    return root;
  }

  /** The program writes as ever again. */
  @Override
  public void close() {
    FileCalls.use(new FileCalls());
  }

  private boolean outside(Path file) {
    return !file.startsWith(root);
  }

  private int meet(ChangeSite site, int bytes) throws IOException {
    Fault meets = fault;
    try {
      int done = meets == null ? bytes : meets.meet(steps.size(), site, bytes);
      failures += done == bytes ? 0 : 1;
      return done;
    } catch (IOException e) {
      failures++;
      throw e;
    }
  }

  /** Whether any change has met a fault. */
  public boolean wasFailed() {
    return failures > 0;
  }

  private void add(FileChange change, ChangeSite site, Object before) {
    steps.add(new Step(change, site, before));
  }

  @Override
  FileChannel create(Path file, OpenOption... options) throws IOException {
    if (outside(file)) {
      return super.create(file, options);
    }
    synchronized (this) {
      ChangeSite site = ChangeSite.now("create", file);
      Object before = witness.get();
      meet(site, 0);
      FileChannel channel = super.create(file, options);
      Integer known = names.get(file);
      if (known == null) {
        names.put(file, nextFile);
        contents.add(new byte[0]);
        add(new FileChange.Create(nextFile++, file), site, before);
      } else {
        contents.set(known, new byte[0]);
        add(new FileChange.Empty(known), site, before);
      }
      return channel;
    }
  }

  @Override
  int write(Path file, FileChannel channel, ByteBuffer bytes, long offset) throws IOException {
    if (outside(file)) {
      return super.write(file, channel, bytes, offset);
    }
    synchronized (this) {
      ChangeSite site = ChangeSite.now("write", file);
      Object before = witness.get();
      int count = meet(site, bytes.remaining());
      byte[] copy = new byte[count];
      bytes.duplicate().get(copy);
      if (count == bytes.remaining()) {
        super.write(file, channel, bytes, offset);
      } else {
        super.write(file, channel, ByteBuffer.wrap(copy), offset);
        bytes.position(bytes.position() + count);
      }
      int number = names.get(file);
      contents.set(number, CrashedFolder.written(contents.get(number), offset, copy));
      add(new FileChange.Write(number, offset, copy), site, before);
      return count;
    }
  }

  @Override
  void truncate(Path file, FileChannel channel, long sizeBytes) throws IOException {
    if (outside(file)) {
      super.truncate(file, channel, sizeBytes);
      return;
    }
    synchronized (this) {
      ChangeSite site = ChangeSite.now("truncate", file);
      Object before = witness.get();
      meet(site, 0);
      super.truncate(file, channel, sizeBytes);
      int number = names.get(file);
      contents.set(number, CrashedFolder.cut(contents.get(number), sizeBytes));
      add(new FileChange.Truncate(number, sizeBytes), site, before);
    }
  }

  @Override
  void force(Path file, FileChannel channel) throws IOException {
    if (outside(file)) {
      super.force(file, channel);
      return;
    }
    ChangeSite site;
    Object before;
    int begun;
    synchronized (this) {
      site = ChangeSite.now("force", file);
      before = witness.get();
      findWritesOfOthers(file, site, before);
      begun = steps.size();
      try {
        meet(site, 0);
      } catch (IOException e) {
        add(new FileChange.FailedForce(names.get(file), begun), site, before);
        if (!failedForcesAreForgotten) {
          throw e;
        }
      }
    }
    super.force(file, channel);
    synchronized (this) {
      add(new FileChange.Force(names.get(file), begun), site, before);
    }
  }

  /** An export's server writes past us. */
  private void findWritesOfOthers(Path file, ChangeSite site, Object before) throws IOException {
    int number =
        names.computeIfAbsent(
            file,
            unknown -> {
              contents.add(new byte[0]);
              add(new FileChange.Create(nextFile, file), site, before);
              return nextFile++;
            });
    byte[] now = Files.readAllBytes(file);
    byte[] known = contents.get(number);
    if (now.length < known.length) {
      add(new FileChange.Truncate(number, now.length), site, before);
    }
    int at = Arrays.mismatch(now, known);
    if (at >= 0 && at < now.length) {
      add(new FileChange.Write(number, at, Arrays.copyOfRange(now, at, now.length)), site, before);
    }
    contents.set(number, now);
  }

  @Override
  void forceFolder(Path folder) throws IOException {
    if (outside(folder)) {
      super.forceFolder(folder);
      return;
    }
    ChangeSite site;
    Object before;
    int begun;
    synchronized (this) {
      site = ChangeSite.now("force", folder);
      before = witness.get();
      meet(site, 0);
      begun = steps.size();
    }
    super.forceFolder(folder);
    synchronized (this) {
      add(new FileChange.ForceFolder(folder, begun), site, before);
    }
  }

  @Override
  void rename(Path from, Path to, CopyOption... options) throws IOException {
    if (outside(to)) {
      super.rename(from, to, options);
      return;
    }
    synchronized (this) {
      ChangeSite site = ChangeSite.now("rename", from);
      Object before = witness.get();
      meet(site, 0);
      super.rename(from, to, options);
      int number = Optional.ofNullable(names.remove(from)).orElseThrow();
      names.put(to, number);
      add(new FileChange.Rename(from, to, number), site, before);
    }
  }

  @Override
  void link(Path file, Path name) throws IOException {
    if (outside(name)) {
      super.link(file, name);
      return;
    }
    synchronized (this) {
      ChangeSite site = ChangeSite.now("link", file);
      Object before = witness.get();
      meet(site, 0);
      super.link(file, name);
      names.put(name, names.get(file));
      add(new FileChange.Link(name, names.get(file)), site, before);
    }
  }

  @Override
  boolean delete(Path file) throws IOException {
    if (outside(file) || !Files.exists(file)) {
      return super.delete(file);
    }
    synchronized (this) {
      ChangeSite site = ChangeSite.now("delete", file);
      Object before = witness.get();
      meet(site, 0);
      boolean was = super.delete(file);
      names.remove(file);
      add(new FileChange.Delete(file), site, before);
      return was;
    }
  }

  @Override
  void createFolder(Path folder) throws IOException {
    if (outside(folder)) {
      super.createFolder(folder);
      return;
    }
    synchronized (this) {
      ChangeSite site = ChangeSite.now("make", folder.resolveSibling("folder"));
      Object before = witness.get();
      meet(site, 0);
      super.createFolder(folder);
      add(new FileChange.Folder(folder), site, before);
    }
  }

  @Override
  boolean share(Open target, Open source, long sourceOffset, long length, long targetOffset)
      throws IOException {
    if (outside(target.file())) {
      return super.share(target, source, sourceOffset, length, targetOffset);
    }
    if (!shares) {
      return false;
    }
    synchronized (this) {
      ChangeSite site = ChangeSite.now("share", target.file());
      Object before = witness.get();
      byte[] bytes = new byte[(int) length];
      try (FileChannel from = FileChannel.open(source.file(), StandardOpenOption.READ);
          FileChannel to = FileChannel.open(target.file(), StandardOpenOption.WRITE)) {
        meet(site, 0);
        if (from.read(ByteBuffer.wrap(bytes), sourceOffset) < length) {
          throw new IOException(source.file() + " ends before " + (sourceOffset + length));
        }
        to.write(ByteBuffer.wrap(bytes), targetOffset);
      }
      int number = names.get(target.file());
      contents.set(number, CrashedFolder.written(contents.get(number), targetOffset, bytes));
      add(new FileChange.Write(number, targetOffset, bytes), site, before);
      return true;
    }
  }

  @Override
  boolean punch(Path file, long offset, long length) throws IOException {
    if (outside(file)) {
      return super.punch(file, offset, length);
    }
    if (!punches) {
      return false;
    }
    synchronized (this) {
      ChangeSite site = ChangeSite.now("punch", file);
      Object before = witness.get();
      try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
        meet(site, 0);
        byte[] zeros = new byte[(int) Math.min(length, Math.max(0, channel.size() - offset))];
        if (zeros.length > 0) {
          channel.write(ByteBuffer.wrap(zeros), offset);
          int number = names.get(file);
          contents.set(number, CrashedFolder.written(contents.get(number), offset, zeros));
          add(new FileChange.Write(number, offset, zeros), site, before);
        }
        return true;
      } catch (IOException e) {
        return false; // as the system call that fails
      }
    }
  }

  /** Files as small as these take no room ahead. */
  @Override
  boolean reserve(Path file, long offset, long length) throws IOException {
    return outside(file) && super.reserve(file, offset, length);
  }
}
