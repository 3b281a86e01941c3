package dev.backstep.qcow2;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.BufferPool;
import dev.backstep.blockio.ExtentKind;
import dev.backstep.blockio.ExtentVisitor;
import dev.backstep.blockio.PartVisitor;
import dev.backstep.blockio.PooledBlock;
import dev.backstep.blockio.Ranges;
import dev.backstep.blockio.ReadOnlyFile;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/**
 * Reads the disk that an image and its backing files show, versions 2 and 3, all cluster sizes,
 * zero clusters, deflate and zstd. Opening reads headers and L1 tables only.
 */
public final class Qcow2Reader implements BlockReader {

  private static final int THREADS = 3;

  private final List<Layer> layers;
  private final BufferPool pool;
  private final ExecutorService threads =
      Executors.newFixedThreadPool(
          THREADS, Thread.ofPlatform().daemon().name("chain-", 0).factory());

  private Qcow2Reader(List<Layer> layers, int blocksInFlight) {
    this.layers = layers;
    this.pool = new BufferPool(blocksInFlight);
  }

  /**
   * Opens an image and the backing files under it, which lie in the same folder.
   *
   * @param blocksInFlight how many blocks may be held at once
   * @throws Qcow2FormatException when an image is damaged or not supported, a backing file is
   *     missing or no file of the folder, or the chain is a loop or too long
   */
  public static Qcow2Reader open(Path image, int blocksInFlight) throws IOException {
    return open(image, blocksInFlight, ReadOnlyFile::open);
  }

  /** How the files of a chain are opened. */
  @FunctionalInterface
  public interface Opener {
    ReadOnlyFile open(Path image) throws IOException;
  }

  /**
   * As {@link #open(Path, int)}. An image may be replaced meanwhile by one that shows the same and
   * stands on fewer others, which then go: the chain is looked at once more when it was.
   */
  public static Qcow2Reader open(Path image, int blocksInFlight, Opener opener) throws IOException {
    Map<Path, Object> seen = new HashMap<>();
    try {
      return openOnce(image, blocksInFlight, opener, seen);
    } catch (Qcow2FormatException | NoSuchFileException e) {
      if (!anyReplaced(seen)) {
        throw e;
      }
      return open(image, blocksInFlight, opener);
    }
  }

  private static boolean anyReplaced(Map<Path, Object> seen) throws IOException {
    for (Map.Entry<Path, Object> one : seen.entrySet()) {
      if (!Files.exists(one.getKey()) || !identity(one.getKey()).equals(one.getValue())) {
        return true;
      }
    }
    return false;
  }

  private static Object identity(Path file) throws IOException {
    BasicFileAttributes is = Files.readAttributes(file, BasicFileAttributes.class);
    return List.of(String.valueOf(is.fileKey()), is.lastModifiedTime(), is.size());
  }

  private static Qcow2Reader openOnce(
      Path image, int blocksInFlight, Opener opener, Map<Path, Object> seen) throws IOException {
    List<Layer> layers = new ArrayList<>();
    TableCache tables = new TableCache();
    try {
      ChainLimits limits = new ChainLimits(image);
      Optional<Path> next = Optional.of(image);
      while (next.isPresent()) {
        limits.enter(next.get());
        seen.put(next.get(), identity(next.get()));
        Layer layer = Layer.open(next.get(), opener.open(next.get()), tables);
        layers.add(layer);
        limits.opened(layer.header());
        next = BackingFile.of(layer.path(), layer.header());
      }
      return new Qcow2Reader(List.copyOf(layers), blocksInFlight);
    } catch (IOException | RuntimeException e) {
      for (Layer layer : layers) {
        layer.close();
      }
      throw e;
    }
  }

  /** The images of the chain, this one first. */
  public List<Path> chain() {
    return layers.stream().map(Layer::path).toList();
  }

  /** So many images, from the top. */
  List<Layer> layers(int images) {
    return layers.subList(0, images);
  }

  /** The header of the image on top. */
  public Qcow2Header header() {
    return layers.getFirst().header();
  }

  @Override
  public long sizeBytes() {
    return header().virtualSize();
  }

  private record Found(Layer.Kind kind, Layer layer, long host, long length) {}

  /** What a piece of the disk is, as some images of the chain have it. */
  public enum Content {
    /** Its bytes lie in one file, as they are. */
    PLAIN,
    /** One cluster lies compressed in a file. */
    COMPRESSED,
    ZERO,
    /** These images leave it to those under them. */
    NOTHING
  }

  /**
   * A piece of the disk.
   *
   * @param length bytes
   * @param file that has it; says nothing unless PLAIN
   * @param host place in that file
   * @param whole whether the file reaches to the piece's end
   */
  public record Piece(
      Content content, long length, Path file, ReadOnlyFile open, long host, boolean whole) {}

  /**
   * What the upper images of the chain have at a byte of the disk.
   *
   * @param images how many of them, from the top
   */
  public Piece piece(long guest, long lengthMax, int images) throws IOException {
    Found found = find(guest, lengthMax, layers.subList(0, images));
    Content content =
        switch (found.kind()) {
          case DATA -> Content.PLAIN;
          case COMPRESSED -> Content.COMPRESSED;
          case ZERO -> Content.ZERO;
          case UNALLOCATED -> Content.NOTHING;
        };
    boolean whole = content == Content.PLAIN && found.layer().holds(found.host(), found.length());
    return new Piece(
        content, found.length(), found.layer().path(), found.layer().file(), found.host(), whole);
  }

  /** The run at a byte of the disk, from the first layer that says something. */
  private Found find(long guest, long lengthMax) throws IOException {
    Found found = find(guest, lengthMax, layers);
    return found.kind() == Layer.Kind.UNALLOCATED
        ? new Found(Layer.Kind.ZERO, found.layer(), 0, found.length())
        : found;
  }

  private static Found find(long guest, long lengthMax, List<Layer> layers) throws IOException {
    long length = lengthMax;
    for (Layer layer : layers) {
      long size = layer.header().virtualSize();
      if (guest >= size) {
        return new Found(Layer.Kind.ZERO, layer, 0, length);
      }
      Layer.Run run = layer.map(guest, length);
      if (run.kind() != Layer.Kind.UNALLOCATED) {
        return new Found(run.kind(), layer, run.host(), run.length());
      }
      length = run.length();
    }
    return new Found(Layer.Kind.UNALLOCATED, layers.getLast(), 0, length);
  }

  /** Reports what of the disk holds data, over the whole chain. */
  public void allocated(ExtentVisitor visitor) throws IOException {
    allocated(0, sizeBytes(), visitor);
  }

  /**
   * Reports what a range of the disk is made of, so that it can be passed on without copying. By
   * any thread, several at once.
   *
   * @param offset inside the disk
   * @param length bytes, inside the disk
   */
  public void parts(long offset, long length, PartVisitor visitor) throws IOException {
    long at = offset;
    while (at < offset + length) {
      Found found = find(at, Math.min(offset + length - at, BLOCK_BYTES_MAX));
      switch (found.kind()) {
        case ZERO, UNALLOCATED -> visitor.zeros(found.length());
        case DATA, COMPRESSED -> {
          if (found.kind() == Layer.Kind.DATA
              && found.layer().holds(found.host(), found.length())) {
            visitor.file(found.layer().file(), found.host(), found.length());
          } else {
            ByteBuffer bytes = ByteBuffer.allocate((int) found.length());
            fill(at, bytes);
            visitor.bytes(bytes.flip());
          }
        }
      }
      at += found.length();
    }
  }

  /**
   * Reports what of a range holds data. By any thread, several at once.
   *
   * @param offset inside the disk
   * @param length bytes, inside the disk
   */
  public void allocated(long offset, long length, ExtentVisitor visitor) throws IOException {
    long at = offset;
    while (at < offset + length) {
      Found found = find(at, offset + length - at);
      boolean zero = found.kind() == Layer.Kind.ZERO;
      visitor.extent(at, found.length(), zero ? ExtentKind.ZERO : ExtentKind.DATA);
      at += found.length();
    }
  }

  /**
   * Reports where this disk's content lies elsewhere than another one's, by tables alone: ranges
   * that are not reported are the same bytes of the same file, or zeros in both.
   *
   * @param other a chain of the same disk, smaller or larger; behind its end all is reported
   */
  public void differences(Qcow2Reader other, ExtentVisitor visitor) throws IOException {
    long at = 0;
    while (at < sizeBytes()) {
      Found mine = find(at, sizeBytes() - at);
      boolean zero = mine.kind() == Layer.Kind.ZERO || mine.kind() == Layer.Kind.UNALLOCATED;
      ExtentKind kind = zero ? ExtentKind.ZERO : ExtentKind.DATA;
      if (at >= other.sizeBytes()) {
        visitor.extent(at, mine.length(), kind);
        at += mine.length();
        continue;
      }
      Found its = other.find(at, Math.min(mine.length(), other.sizeBytes() - at));
      boolean itsZero = its.kind() == Layer.Kind.ZERO || its.kind() == Layer.Kind.UNALLOCATED;
      boolean same =
          zero
              ? itsZero
              : !itsZero
                  && mine.kind() == its.kind()
                  && mine.host() == its.host()
                  && mine.layer().path().equals(its.layer().path());
      if (!same) {
        visitor.extent(at, its.length(), kind);
      }
      at += its.length();
    }
  }

  @Override
  public CompletableFuture<Block> read(List<ByteRange> ranges) {
    Ranges.check(ranges, sizeBytes());
    PooledBlock block = new PooledBlock(pool, ranges);
    CompletableFuture<Block> result = new CompletableFuture<>();
    threads.execute(() -> fill(block, result));
    return result;
  }

  private void fill(PooledBlock block, CompletableFuture<Block> result) {
    try {
      for (int i = 0; i < block.ranges().size(); i++) {
        fill(block.ranges().get(i).offset(), block.bytes(i));
      }
    } catch (IOException | RuntimeException | Error e) {
      block.close();
      result.completeExceptionally(e);
      return;
    }
    if (!result.complete(block)) {
      block.close();
    }
  }

  private void fill(long offset, ByteBuffer target) throws IOException {
    long at = offset;
    while (target.hasRemaining()) {
      Found found = find(at, target.remaining());
      int length = (int) found.length();
      ByteBuffer part = target.slice(target.position(), length);
      switch (found.kind()) {
        case DATA -> found.layer().readData(found.host(), part);
        case COMPRESSED -> {
          int inCluster = (int) (at & found.layer().header().clusterBytes() - 1);
          found.layer().readCompressed(found.host(), inCluster, part);
        }
        case ZERO, UNALLOCATED -> zero(part);
      }
      target.position(target.position() + length);
      at += length;
    }
  }

  private static void zero(ByteBuffer part) {
    java.lang.foreign.MemorySegment.ofBuffer(part).fill((byte) 0);
  }

  @Override
  public void close() throws IOException {
    threads.close();
    pool.close();
    for (Layer layer : layers) {
      layer.close();
    }
  }
}
