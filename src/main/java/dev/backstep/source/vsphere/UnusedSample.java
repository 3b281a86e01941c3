package dev.backstep.source.vsphere;

import dev.backstep.blockio.Block;
import dev.backstep.blockio.BlockReader;
import dev.backstep.blockio.Zeros;
import dev.backstep.domain.ByteRange;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletionException;

/**
 * A random sample of what is said to be unused on a disk. One range that holds data shows that the
 * rest cannot be believed.
 */
final class UnusedSample {

  /** Blocks that a reader of the sample needs. */
  static final int BLOCKS = 2;

  private static final int RANGES = 32;
  private static final int RANGE_BYTES = 64 << 10;

  private final List<ByteRange> ranges;

  /**
   * @param inUse in any order, overlapping or not
   */
  UnusedSample(List<ByteRange> inUse, long sizeBytes) {
    this.ranges = sample(gaps(inUse, sizeBytes), new Random());
  }

  private static List<ByteRange> gaps(List<ByteRange> inUse, long sizeBytes) {
    List<ByteRange> gaps = new ArrayList<>();
    long at = 0;
    for (ByteRange used :
        inUse.stream().sorted(Comparator.comparingLong(ByteRange::offset)).toList()) {
      if (used.offset() > at) {
        gaps.add(new ByteRange(at, used.offset() - at));
      }
      at = Math.max(at, used.end());
    }
    if (at < sizeBytes) {
      gaps.add(new ByteRange(at, sizeBytes - at));
    }
    return gaps;
  }

  /** Each byte of the gaps is as likely as any other to be the first of a range. */
  private static List<ByteRange> sample(List<ByteRange> gaps, Random random) {
    long unused = gaps.stream().mapToLong(ByteRange::length).sum();
    List<ByteRange> sample = new ArrayList<>();
    for (int i = 0; i < RANGES && unused > 0; i++) {
      long skip = random.nextLong(unused);
      for (ByteRange gap : gaps) {
        if (skip < gap.length()) {
          long start = (gap.offset() + skip) / 512 * 512;
          long from = Math.max(start, gap.offset());
          sample.add(new ByteRange(from, Math.min(RANGE_BYTES, gap.end() - from)));
          break;
        }
        skip -= gap.length();
      }
    }
    return sample;
  }

  List<ByteRange> ranges() {
    return ranges;
  }

  /** The first of the ranges that holds anything but zeros. */
  Optional<ByteRange> firstData(BlockReader reader) throws IOException {
    for (ByteRange range : ranges) {
      try (Block block = reader.read(List.of(range)).join()) {
        ByteBuffer bytes = block.bytes(0);
        if (!Zeros.isZero(bytes, 0, bytes.limit())) {
          return Optional.of(range);
        }
      } catch (CompletionException e) {
        throw e.getCause() instanceof IOException io ? io : new IOException(e.getCause());
      }
    }
    return Optional.empty();
  }
}
