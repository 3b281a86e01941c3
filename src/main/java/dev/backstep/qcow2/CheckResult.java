package dev.backstep.qcow2;

import java.nio.file.Path;
import java.util.List;

/**
 * What a check of one image found.
 *
 * @param findings the first {@link #FINDINGS_MAX} of them, in the order in which they were met
 * @param corruptions how many there are, also of those that are not listed
 * @param leaks clusters that nothing refers to, also of those that are not listed
 * @param allocatedClusters clusters of the disk that have room in this file
 * @param compressedClusters those of them that are compressed
 * @param endBytes first byte behind the last cluster in use
 */
public record CheckResult(
    Path image,
    Qcow2Header header,
    List<Finding> findings,
    long corruptions,
    long leaks,
    long allocatedClusters,
    long compressedClusters,
    long endBytes) {

  /** How many findings are listed; an image that is nothing but damage would fill the memory. */
  public static final int FINDINGS_MAX = 1000;

  /** Neither corruptions nor leaks. */
  public boolean isClean() {
    return corruptions == 0 && leaks == 0;
  }
}
